#!/usr/bin/python3
"""Renders every chat template of a folder with Jinja2 and with Sphere, and compares byte by byte.

  lab/templates/compare.py [FOLDER] [--show]
  lab/templates/compare.py --model MODEL.gguf [--show]

It needs python3-jinja2; lab/java builds what is missing. FOLDER is that of
llama.cpp's source in the cache unless told. With --model it is the one template in that file, with its own start and end
tokens; without python3-jinja2 that check is skipped, and says so. Jinja2 is set up as Hugging Face's tokenizers do. Where
both refuse a dialogue they agree. Exit status 1 when anything differs.
"""
import base64
import datetime
import glob
import json
import os
import subprocess
import sys

try:
    import jinja2
    import jinja2.ext
    import jinja2.sandbox
except ImportError:
    if "--model" not in sys.argv:
        raise
    print("chat template: skipped, since python3-jinja2 is missing (apt-get install python3-jinja2)")
    sys.exit(0)

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


def reference(source, dialogue, generate, start="<s>", end="</s>"):
    messages = [{"role": r, "content": c} for r, c in dialogue]
    try:
        template = environment(source).from_string(source)
        return "text " + template.render(
            messages=messages, add_generation_prompt=generate, bos_token=start, eos_token=end)
    except Exception as e:  # whatever Python raises in a template
        return "error %s: %s" % (type(e).__name__, e)


def java(root, *arguments, text=""):
    return subprocess.run(
        [os.path.join(root, "lab/java"), "dev.sphere.lab.template.RenderTemplates", *arguments],
        input=text, stdout=subprocess.PIPE, text=True, check=True).stdout


def main():
    arguments = [a for a in sys.argv[1:] if not a.startswith("--")]
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    templates = []  # name, text, start token, end token
    if "--model" in sys.argv:
        fields = [base64.b64decode(f).decode() for f in java(root, arguments[0]).split(" ")]
        if len(fields) < 3:
            print("chat template: %s has none" % arguments[0])
            return 0
        templates.append((os.path.basename(arguments[0]), *fields))
    else:
        cache = sorted(glob.glob(os.path.expanduser("~/.cache/sphere/src/0.5.0-*/source/models/templates")))
        folder = arguments[0] if arguments else (cache or [""])[-1]
        for path in sorted(glob.glob(os.path.join(folder, "*.jinja"))):
            with open(path, encoding="utf-8", newline="") as f:
                templates.append((os.path.basename(path), f.read(), "<s>", "</s>"))
    cases = [(*template, name, generate, dialogue)
             for template in templates for name, dialogue in DIALOGUES.items() for generate in (True, False)]
    lines = []
    for _, source, start, end, _, generate, dialogue in cases:
        fields = [source, start, end, "true" if generate else "false"]
        for role, content in dialogue:
            fields += [role, content]
        lines.append(" ".join(base64.b64encode(f.encode()).decode() for f in fields))
    ours = java(root, text="\n".join(lines) + "\n").split()
    equal = refused = 0
    different = {}
    for (path, source, start, end, name, generate, dialogue), line in zip(cases, ours, strict=True):
        got = base64.b64decode(line).decode()
        wanted = reference(source, dialogue, generate, start, end)
        if got.startswith("error ") and wanted.startswith("error "):
            refused += 1
        elif got == wanted:
            equal += 1
        else:
            different.setdefault(path, []).append(name)
            if "--show" in sys.argv:
                print("---", path, name, generate, "\nwanted", repr(wanted[-900:]), "\ngot   ", repr(got[-900:]))
    print("%d templates, %d renderings: %d equal, %d refused by both, %d different; %d templates agree throughout" % (
        len(templates), len(cases), equal, refused, len(cases) - equal - refused, len(templates) - len(different)))
    for path, names in different.items():
        print("  differs:", path, sorted(set(names)))
    return 1 if different or not equal else 0


if __name__ == "__main__":
    sys.exit(main())
