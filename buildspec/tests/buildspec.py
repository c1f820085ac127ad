"""Reads and runs the buildspec without CodeBuild: as much as these tests need, with Python's standard library only."""

import pathlib
import re
import subprocess
import textwrap

PATH = pathlib.Path(__file__).parent.parent / "sonar-scan.yml"


def preflight():
    """The source of the Python program that the buildspec writes to preflight.py."""
    text = PATH.read_text(encoding="utf-8")
    found = re.search(r"cat > preflight\.py <<'PYTHON'\n(.*?)\n +PYTHON\n", text, re.DOTALL)
    return textwrap.dedent(found.group(1))


def variables():
    """env.variables."""
    text = PATH.read_text(encoding="utf-8")
    block = re.search(r"^  variables:\n((?:    .*\n)+)", text, re.MULTILINE).group(1)
    return dict(re.findall(r'^    (\w+): "(.*)"$', block, re.MULTILINE))


def exported():
    """env.exported-variables."""
    text = PATH.read_text(encoding="utf-8")
    block = re.search(r"^  exported-variables:\n((?:    - .*\n)+)", text, re.MULTILINE).group(1)
    return re.findall(r"- (\w+)", block)


def phases():
    """{phase: {"commands": [...], "finally": [...]}}. The file is indented in one way only, which this relies on."""
    text = PATH.read_text(encoding="utf-8")
    body = re.search(r"^phases:\n(.*?)^artifacts:", text, re.DOTALL | re.MULTILINE).group(1)
    result, phase, items = {}, None, None
    for line in body.splitlines():
        if re.match(r" {0,6}#", line):
            continue
        if match := re.fullmatch(r"  (\w+):", line):
            phase = result.setdefault(match.group(1), {})
        elif match := re.fullmatch(r"    (\w+):", line):
            items = phase.setdefault(match.group(1), [])
        elif match := re.fullmatch(r"      - (.*)", line):
            items.append([] if match.group(1) == "|" else [unquoted(match.group(1))])
        elif line.startswith(" " * 8) or not line:
            items[-1].append(line[8:])
        else:
            raise ValueError(f"not understood: {line}")
    return {
        name: {kind: ["\n".join(lines) for lines in commands] for kind, commands in phase.items()}
        for name, phase in result.items()
    }


def unquoted(text):
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    if text.startswith('"'):
        raise ValueError(f"write it without double quotes: {text}")
    return text


def run(environment, folder, log):
    """Runs all phases as CodeBuild does, in one bash: a phase ends with its first failure, then comes its `finally`;
    without install and pre_build there is no build, without build no post_build.

    Returns ({phase: succeeded}, {exported variable: value}, {phase: status of its last command}).
    """
    spec = phases()
    script = ["succeeded=1"]
    for name in ("install", "pre_build", "build", "post_build"):
        script.append(f'if [ "$succeeded" = 1 ] || [ {name} = post_build -a "$build_ran" = 1 ]; then phase=1')
        script.append(f"[ {name} = build ] && build_ran=1")
        for command in spec[name]["commands"]:
            script.append(f'if [ "$phase" = 1 ]; then\n{command}\nlast=$?; [ "$last" -eq 0 ] || phase=0; fi')
        script += spec[name].get("finally", [])
        script.append(f'echo "{name}=$phase" >> "$RESULTS"; echo "{name}-status=$last" >> "$RESULTS"')
        script.append('[ "$phase" = 1 ] || succeeded=0; fi')
    for name in exported():
        script.append(f'echo "{name}=${{{name}:-}}" >> "$RESULTS"')
    results = folder / "results"
    results.write_text("")
    source = folder / "source"
    source.mkdir(exist_ok=True)
    environment = variables() | {"CODEBUILD_SRC_DIR": str(source), "RESULTS": str(results)} | environment
    file = folder / "build.sh"
    file.write_text("\n".join(script))
    with open(log, "wb") as output:
        subprocess.run(["bash", str(file)], cwd=source, env=environment, stdout=output, stderr=subprocess.STDOUT,
                       timeout=600, check=False)
    found = dict(line.split("=", 1) for line in results.read_text().splitlines())
    statuses = {name: int(found.pop(f"{name}-status")) for name in spec if name in found}
    outcome = {name: found.pop(name) == "1" for name in spec if name in found}
    return outcome, found, statuses
