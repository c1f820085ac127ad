# What the machine must have, for the scripts that build and run everything. Sourced, not run.

# Names everything that is missing at once, before anything long begins, and ends the script.
# check_machine [scans]: with Maven, which every scan of code needs. Its Java, and what a SonarQube server needs, are
# checked by target/debug/sonarqube, as soon as that is built.
check_machine() {
    local missing=()
    has cargo || missing+=('Rust: install it as https://rustup.rs says, and open a new terminal')
    has cc || missing+=('A C compiler: `apt install build-essential`, on macOS `xcode-select --install`')
    has python3 && python3 -I -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null ||
        missing+=('Python 3.10 or later as python3, with venv: `apt install python3-venv`, on macOS `brew install python`')
    if [[ ${1:-} == scans ]] && ! has mvn; then
        missing+=('Maven with Java 17 or later: `apt install maven`, on macOS `brew install maven`')
    fi
    ((${#missing[@]})) || return 0
    echo 'error: this machine lacks something:' >&2
    printf -- '- %s\n' "${missing[@]}" >&2
    exit 1
}

has() {
    command -v "$1" >/dev/null
}
