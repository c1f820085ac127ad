# The tools of scripts/package, in a virtual environment by version and hash. Sourced from the root, not run.

package_tools=target/venv-package

install_package_tools() {
    if [[ -f $package_tools/installed ]] && cmp -s tools/package.txt "$package_tools/installed"; then
        return
    fi
    echo "Installing cargo-lambda and Zig into $package_tools (100 MB, once) ..."
    rm -rf "$package_tools"
    python3 -I -m venv "$package_tools"
    "$package_tools/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
        --only-binary :all: -r tools/package.txt
    cp tools/package.txt "$package_tools/installed"
}
