#!/usr/bin/python3
"""Renders every chat template of a folder with Jinja2 and with Sphere, and compares byte by byte.

  lab/templates/compare.py [FOLDER] [--show]

It needs python3-jinja2; lab/java builds what is missing. FOLDER is that of
llama.cpp's source in the cache unless told. Jinja2 is set up as Hugging Face's tokenizers do. Where both refuse a
dialogue they agree. Exit status 1 when anything differs.
"""
import base64
import datetime
import glob
import json
import os
import subprocess
import sys

import jinja2
import jinja2.ext
import jinja2.sandbox

DIALOGUES = {
    "ask": [("user", "1+1?")],
    "system": [("system", "Be brief."), ("user", " A ")],
    "talk": [("system", "Be brief."), ("user", " A "), ("assistant", "B\nC"), ("user", "D")],
    "two answers": [("user", "a\r\nb"), ("assistant", " 2 \n"), ("user", "\n\nx\n"), ("assistant", "4.0"), ("user", "?")],
    "answered": [("user", "Größe 😀 in $\\frac{1}{2}$?"), ("assistant", "\\boxed{½}")],
    "thinking": [("user", "q"), ("assistant", "<think>\nhm\n</think>\n\nyes"), ("user", "{{ 7 * 6 }} {% x %} <|im_end|>")],
    "correct": [("user", "q"), ("assistant", "wrong"), ("user", "Check it."), ("assistant", "right"), ("user", "")],
    "odd order": [("assistant", "first"), ("user", "then"), ("user", "again")],
    "late system": [("user", "q"), ("system", "s"), ("user", "r")],
}


class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.Scope(body).set_lineno(line)


def environment(source):
    env = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])

    def refuse(message):
        raise jinja2.exceptions.TemplateError(message)

    def to_json(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    env.filters["tojson"] = to_json
    env.globals["raise_exception"] = refuse
    if "strftime_now is defined" not in source:  # as ChatTemplate has it
        env.globals["strftime_now"] = datetime.datetime(2024, 7, 26).strftime
    return env


def reference(source, dialogue, generate):
    messages = [{"role": r, "content": c} for r, c in dialogue]
    try:
        template = environment(source).from_string(source)
        return "text " + template.render(
            messages=messages, add_generation_prompt=generate, bos_token="<s>", eos_token="</s>")
    except Exception as e:  # whatever Python raises in a template
        return "error %s: %s" % (type(e).__name__, e)


def main():
    arguments = [a for a in sys.argv[1:] if not a.startswith("--")]
    folder = arguments[0] if arguments else (sorted(glob.glob(os.path.expanduser("~/.cache/sphere/src/0.5.0-*/source/models/templates"))) or [""])[-1]
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    cases = []
    for path in sorted(glob.glob(os.path.join(folder, "*.jinja"))):
        with open(path, encoding="utf-8", newline="") as f:
            source = f.read()
        for name, dialogue in DIALOGUES.items():
            for generate in (True, False):
                cases.append((os.path.basename(path), name, generate, source, dialogue))
    lines = []
    for _, _, generate, source, dialogue in cases:
        fields = [source, "<s>", "</s>", "true" if generate else "false"]
        for role, content in dialogue:
            fields += [role, content]
        lines.append(" ".join(base64.b64encode(f.encode()).decode() for f in fields))
    ours = subprocess.run(
        [os.path.join(root, "lab/java"), "dev.sphere.lab.template.RenderTemplates"],
        input="\n".join(lines) + "\n", capture_output=True, text=True, check=True).stdout.split()
    equal = refused = 0
    different = {}
    for (path, name, generate, source, dialogue), line in zip(cases, ours, strict=True):
        got = base64.b64decode(line).decode()
        wanted = reference(source, dialogue, generate)
        if got.startswith("error ") and wanted.startswith("error "):
            refused += 1
        elif got == wanted:
            equal += 1
        else:
            different.setdefault(path, []).append(name)
            if "--show" in sys.argv:
                print("---", path, name, generate, "\nwanted", repr(wanted[-900:]), "\ngot   ", repr(got[-900:]))
    templates = len({c[0] for c in cases})
    print("%d templates, %d renderings: %d equal, %d refused by both, %d different; %d templates agree throughout" % (
        templates, len(cases), equal, refused, len(cases) - equal - refused, templates - len(different)))
    for path, names in different.items():
        print("  differs:", path, sorted(set(names)))
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
