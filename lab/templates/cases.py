#!/usr/bin/python3
"""Writes what Jinja2 makes of small templates, one construct each: the expectations of TemplateTest.

  lab/templates/cases.py > engine/src/test/resources/dev/sphere/engine/template/cases.jsonl

It needs python3-jinja2. A line is {"template": ..., "text": ...}, or "error" where Jinja2 raises one. Sphere refuses what
no chat template uses; TemplateTest lists examples.
"""
import json

from compare import reference

DIALOGUE = [("system", "Be brief."), ("user", " A "), ("assistant", "B\nC"), ("user", "Größe 😀 {{x}}")]

EXPRESSIONS = r"""
1 + 2 * 3 - 4
7 // 2
-7 // 2
7 % 3
-7 % 3
3 - -3
not true
not 0 and 1
0 or 'x'
'' or none
1 and 2
'a' + 'b' * 3
([1, 2] + [3])|tojson
((1, 2) + (3,))|tojson
()|tojson
(1,)|tojson
[]|tojson
{}|tojson
true == 1
'a' == 'b'
'a' < 'b'
[1, [2]] == [1, [2]]
none == none
'b' in 'abc'
'' in 'abc'
2 in [1, 2]
'a' in {'a': 1}
3 not in [1, 2]
not 3 in [1, 2]
nothing in [1]
1 in nothing
'x' if true
'x' if false
'x' if false else 'y' if false else 'z'
('x' if false) is undefined
nothing
nothing is defined
nothing == other
nothing ~ 'x'
nothing|default('d')
''|default('d', true)
''|d('d')
none|default('d')
nothing.x
nothing + 1
messages[0].role
messages[0]['content']
messages[-1]['content']|length
messages[10]
messages[10].role
messages[0].nothing
messages[0]['nothing'] is undefined
messages|length
messages[1:]|length
messages[::-1][0].role
messages[:-1]|map(attribute='role')|join(',')
(messages|selectattr('role', 'equalto', 'user')|map(attribute='content')|list)|tojson
messages|selectattr('role', '==', 'user')|list|length
(messages|selectattr('nothing')|list)|tojson
(messages|rejectattr('role', 'in', ['user'])|map(attribute='role')|list)|tojson
messages|selectattr('role', 'equalto', 'x')|first is defined
'yes' if messages|selectattr('role', 'equalto', 'x') else 'no'
(messages|map(attribute='content')|map('trim')|map('upper')|list)|tojson
({'b': 1, 'A': 2}|dictsort)|tojson
({'b': 1}.items()|list)|tojson
({'b': 1, 'a': 2}.keys()|list)|tojson
{'b': 1}.get('b')
{'b': 1}.get('x')
{'b': 1}.get('x', 7)
{'items': 1}['items']
{'a': {'b': [10, 20]}}.a.b[1]
({'a': 1}|list)|tojson
{'a': 1}|length
(range(5)|list)|tojson
(range(2, 10, 3)|list)|tojson
(range(5, 0, -2)|list)|tojson
(range(0)|list)|tojson
'a😀b'[1]
'a😀b'|length
'a😀b'[1:]
'abcdef'[1:4]
'abcdef'[-3:]
'abcdef'[:-3]
'abc'[5:]
'abc'[5]
[]|first
[1, 2]|last
[1, 2]|join
[1, 2]|join(', ')
'  x '|trim ~ '|'
'xxaxx'|trim('x')
' a b '.strip() ~ '|'
' a '.lstrip() ~ '|'
' a '.rstrip() ~ '|'
'xyaxy'.strip('yx')
'xa'.lstrip('x') ~ 'ax'.rstrip('x')
'a,b,,c'.split(',')|tojson
('a,b,c'.split(',', 1))|tojson
'abc'.split('x')|tojson
'<think>r</think>a'.split('</think>')[-1]
'abababab'.split('aba')|tojson
'abc'.startswith('ab')
'abc'.endswith('bc')
'aXbX'.replace('X', '--')
'aXbX'.replace('X', '', 1)
'aaa'|replace('a', 'b', 2)
'a long needle with more than sixteen characters, twice: needle with more than sixteen'.replace('needle with more than sixteen', 'N')
('xyz needle with more than sixteen needle with more than sixteen'.split('needle with more than sixteen'))|tojson
'abc'.index('x')
'Straße ÄÖ'.upper()
'ABC Ä'.lower()
'hello wORLD it\'s'.title()
'hELLO wORLD'.capitalize()
'hELLO wORLD'|capitalize
'x'|upper ~ 'Y'|lower
','.join(['a', 'b'])
'{} and {}'.format(1, 'x')
'<b>'|safe
5|string ~ 'x'
true|int
([1, 2, none, '', 'x']|select|list)|tojson
(['a', 1]|select('string')|list)|tojson
([1, 2]|map('string')|list)|tojson
(['a b', 'c d']|map('replace', ' ', '_')|list)|tojson
nothing|length
(nothing|list)|tojson
nothing|join
nothing|trim
nothing|string
none|string
(none|select|list)|tojson
5|length
none|length
[]|tojson ~ {}|tojson
messages[3]|tojson
nothing|tojson
'x' is string and 'x' is sequence and 'x' is iterable and 'x' is not mapping
{} is mapping and {} is sequence and {} is iterable
[] is sequence and [] is iterable and [] is not mapping
5 is not iterable and none is not iterable
none is none and nothing is not none
true is true and 1 is not true and false is false
"a'b" ~ 'c"d'
namespace(a=1).a
namespace().x is defined
(1, 2)[0]
[[1, 2], [3]][0][1]
'a' < 1
'a' + 1
1 + none
[] + ()
'x'()
'abc'.nothing
'abc'.nothing()
5|nothing
5 is nothing
[1, 2].append(3)
[1, 2].pop()
{}.update({})
{'a': 1}.pop('a')
1 // 0
1 % 0
raise_exception('no')
messages|tojson|length
bos_token ~ eos_token
add_generation_prompt
7 % -2
strftime_now('%d %b %Y, %B %m')
{'a': [1, none, true, 'é"\n\t\\/😀']}|tojson
{1: 'a', 'b': 2}|tojson
{2: 'b', 1: 'a'}|dictsort|tojson
{0: 'a'}[0] ~ {0: 'a'}.get(0)
{'b': 1}.keys()|list|tojson
1 is number and 'x' is not number
true is boolean and true is number
'\t|\n\'\"\\'
3 in (1, 2, 3)
messages|select('mapping')|list|length
['a', 'b']|select('in', ['b'])|list|tojson
messages[::-1]|map(attribute='role')|join(',')
messages[-2:][0].role
nothing|d|length
{'b': 1}|list|tojson
'x'|count
'{}{}'.format(1)
"""

TEMPLATES = [
    "{% for m in messages %}{{ loop.index }}/{{ loop.length }}{{ loop.first }}{{ loop.last }}{{ loop.revindex0 }};{% endfor %}",
    "{% for m in messages %}{{ loop.previtem.role if loop.previtem }}>{{ m.role }}>{{ loop.nextitem.role if loop.nextitem is defined }} {% endfor %}",
    "{% for m in messages if m.role == 'user' %}{{ loop.index0 }}{{ m.content }}{% else %}none{% endfor %}",
    "{% for m in [] %}x{% else %}none{% endfor %}",
    "{% for x in nothing %}x{% else %}e{% endfor %}",
    "{% for x in [1] if x > 1 %}x{% elif true %}e{% endfor %}",
    "{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for a, b in [1] %}{% endfor %}",
    "{% for i in range(10) %}{% if i == 2 %}{% continue %}{% elif i == 5 %}{% break %}{% endif %}{{ i }}{% endfor %}",
    "{% for x in 5 %}x{% endfor %}",
    "{% for k in {'a': 1} %}{{ k }}{% endfor %}",
    "{% set x = 1 %}{% for i in range(2) %}{% set x = 5 %}{{ x }}{% endfor %}{{ x }}",
    "{% set ns = namespace(x=1) %}{% for i in range(3) %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}",
    "{% set x = 1 %}{% if true %}{% set x = 2 %}{% endif %}{{ x }}",
    "{% set x %}a{{ 1 + 1 }}\nb{% endset %}{{ x|upper }}{{ x|length }}",
    "{% set x.y = 1 %}",
    "{% set d = {} %}{% set d.x = 1 %}",
    "{% macro f(a, b=2, c='x') %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ f(1) }} {{ f(1, c=3) }} {{ f(b=1, a=2) }} {{ f() }}",
    "{% macro f(a) %}{{ a }}{% endmacro %}{{ f(1, 2) }}",
    "{% macro f(a) %}{{ a }}{% endmacro %}{{ f(b=2) }}",
    "{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}",
    "{% macro f() %}{{ x }}{% endmacro %}{% set x = 5 %}{{ f() }}",
    "{% macro f() %} a {% endmacro %}{{ f()|trim ~ '|' }}{{ f()|length }}",
    "{% macro f() %}{% set y = 1 %}{{ y }}{% endmacro %}{{ f() }}{{ y is defined }}",
    "{% macro f() %}{{ caller is defined }}{% endmacro %}{{ f() }}",
    "{% generation %}{{ 'x' }}{% endgeneration %}y",
    "{% for m in messages %}{% generation %}{{ m.role }}{% endgeneration %}{% endfor %}",
    "a{# comment #}b{#- c -#} d",
    "a\n  {# comment #}\nb",
    "  {% if true %}\n  x\n  {% endif %}\n  y\n",
    "a  {%- if true -%}  b  {%- endif -%}  c",
    "a\n\n{{- 'x' -}}\n\nb",
    "a\n  {{ 'x' }}\nb",
    "{% if true %}\n\nx{% endif %}\n\ny",
    "\t{% if true %}x{% endif %}\n\t{{ 1 }}\n",
    "x  {% if true %}y{% endif %}\n",
    "{%- if true -%}\n  x\n{%- endif %}\n\n",
    "a\r\nb\r{{ 'c\r\nd'|length }}\r\n",
    "{{ '}}' ~ '%}' }}",
    "{% if 'x' == '%}' %}{% else %}no{% endif %}",
    "{% if false %}a{% elif none %}b{% elif 1 %}c{% else %}d{% endif %}",
    "{% if nothing %}a{% else %}b{% endif %}",
    "{{ messages[1:] | map(attribute='content') | join('|') }}",
    "{{- messages[0]['role'] | upper + '!' }}",
    "{{ (messages | selectattr('role', 'eq', 'user') | list)[-1].content | trim }}",
    "{{ 'a' if messages[0].role == 'system' and messages[0].content else 'b' }}",
    "{% set loop_messages = messages[1:] if messages[0].role == 'system' else messages %}{{ loop_messages|length }}",
    "{% if (messages[0]['role'] == 'user') != (0 % 2 == 0) %}odd{% endif %}",
    "{% set content = messages[2].content %}{% if '\\n' in content %}{{ content.split('\\n')[-1].lstrip('\\n') }}{% endif %}",
    "{% for m in messages %}{% set content = m['content'] %}{% if m.content is string %}{{ content }}{% endif %}{% endfor %}",
    "{% set g = [1, 2]|map('string') %}{{ g|join }}{{ g|join }}",
    "{{ [1, 2]|map('string') }}{{",
    "{% if %}",
    "{% endif %}",
    "{% if true %}",
    "{% nothing %}",
    "{{ 1 + }}",
    "{{ (1 }}",
    "{{ 'a }}",
    "{# a",
    "{% for x in %}{% endfor %}",
    "{% break %}",
    "{% set true = 1 %}",
    "{{ f(a=1, 2) }}",
    "{{ x y }}",
    "{% if true %}a{% endfor %}",
    "{% raw %}x",
    "{{ a..b }}",
    "{{ [1, 2 }}",
    "{{ ] }}",
    "{{ 1 if }}",
    "{{ ! }}",
    "a { b } {c}",
    "{{ '' }}",
    "",
]


def main():
    templates = ["{{ " + e + " }}" for e in EXPRESSIONS.strip().split("\n")] + TEMPLATES
    for template in templates:
        kind, _, text = reference(template, DIALOGUE, True).partition(" ")
        row = {"template": template}
        if kind == "text":
            row["text"] = text
        else:
            row["error"] = text.split(":")[0]
        print(json.dumps(row, ensure_ascii=False))


if __name__ == "__main__":
    main()
