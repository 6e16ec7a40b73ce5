#!/usr/bin/python3
"""Writes what Jinja2 makes of small templates, one construct each: the expectations of TemplateTest.

  lab/templates/cases.py > engine/src/test/resources/dev/sphere/engine/template/cases.jsonl

It needs python3-jinja2. A line is {"template": ..., "text": ...}, or "error" where Jinja2 raises one.
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
7.5 % -2
7 / 2
2 ** 10
2 ** 3 ** 2
-2 ** 2
2 ** -1
1e3
1.5e-7
1e16
123456789.125
0.1 + 0.2
1_000 + 0x1f + 0b101 + 0o17
10.0 / 4
1 / 3
-0.0
3 - -3
+5
not true
not 0 and 1
0 or 'x'
'' or none
1 and 2
'a' ~ 1 ~ none ~ true ~ 1.0
'a' + 'b' * 3
[1, 2] + [3]
[0] * 3
(1, 2) + (3,)
()
(1,)
[]
{}
{'a': 1, "b'c": [none, true, 1.5, 'x"y'], 3: (4,)}
['\n\t\\', "it's", 'q"q', '\x07é😀']
1 < 2 < 3
1 < 2 > 3
1 == 1.0
true == 1
'a' == 'b'
'a' < 'b'
[1, 2] < [1, 3]
[1, [2]] == [1, [2]]
{'a': 1} == {'a': 1.0}
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
messages[::2]|map(attribute='role')|join(',')
messages[3:0:-2]|map(attribute='role')|join(',')
messages|map(attribute='nothing', default='-')|join
messages|selectattr('role', 'equalto', 'user')|map(attribute='content')|list
messages|selectattr('role', '==', 'user')|list|length
messages|selectattr('nothing')|list
messages|rejectattr('role', 'in', ['user'])|map(attribute='role')|list
messages|selectattr('role', 'equalto', 'x')|first is defined
'yes' if messages|selectattr('role', 'equalto', 'x') else 'no'
messages|map(attribute='role')|unique|list
messages|map(attribute='content')|map('trim')|map('upper')|list
[3, 1, 2]|sort
['b', 'A', 'c']|sort
['b', 'A', 'c']|sort(case_sensitive=true)
['b', 'A', 'c']|sort(reverse=true)
messages|sort(attribute='content')|map(attribute='role')|list
{'b': 1, 'A': 2}|dictsort
{'b': 1, 'A': 2}|dictsort(true)
{'b': 1, 'a': 2}|dictsort(by='value')
{'b': 1, 'a': 2}|dictsort(false, 'value', true)
{'b': 1, 'a': 2}|items|list
{'b': 1}.items()|list
{'b': 1, 'a': 2}.keys()|list
{'b': 1, 'a': 2}.values()|list
{'b': 1}.get('b')
{'b': 1}.get('x')
{'b': 1}.get('x', 7)
{'items': 1}['items']
{'items': 1}.items is callable
{'a': {'b': [10, 20]}}.a.b[1]
{'a': {'b': [10, 20]}}.a.b.1
{'a': 1}.copy()
{'a': 1}|list
{'a': 1}|length
dict(a=1, b='x')
dict({'a': 1}, b=2)
dict([('a', 1)])
range(5)|list
range(2, 10, 3)|list
range(5, 0, -2)|list
range(0)|list
range(3)|sum
[1.5, 2]|sum
[{'n': 1}, {'n': 2}]|sum(attribute='n')
[3, 1, 2]|min
[3, 1, 2]|max
['b', 'A']|min
[]|max is undefined
[1, 2, 3]|reverse|list
'abc'|reverse
'😀b'[::-1]
'a😀b'[1]
'a😀b'|length
'a😀b'[1:]
'abcdef'[1:4]
'abcdef'[-3:]
'abcdef'[:-3]
'abcdef'[::2]
'abcdef'[4:1:-1]
'abc'[5:]
'abc'[5]
'abc'|first
'abc'|last
[]|first
[1, 2]|last
'abc'|list
[1, 2]|join
[1, 2]|join(', ')
['a', none, 1.0]|join('-')
messages|join(', ', attribute='role')
'  x '|trim ~ '|'
'xxaxx'|trim('x')
' a b '.strip() ~ '|'
' a '.lstrip() ~ '|'
' a '.rstrip() ~ '|'
'xyaxy'.strip('yx')
'xa'.lstrip('x') ~ 'ax'.rstrip('x')
'a,b,,c'.split(',')
'a,b,c'.split(',', 1)
' a  b c '.split()
' a  b c '.split(none, 1)
'a,b,c'.rsplit(',', 1)
' a  b c '.rsplit(none, 1)
'abc'.split('x')
'<think>r</think>a'.split('</think>')[-1]
'abababab'.split('aba')
'a\nb\r\nc'.splitlines()
'a\nb\n'.splitlines(true)
'abc'.startswith('ab')
'abc'.startswith(('x', 'a'))
'abc'.endswith('bc')
'aXbX'.replace('X', '--')
'aXbX'.replace('X', '', 1)
'ab'.replace('', '.')
'aaa'|replace('a', 'b', 2)
'a long needle with more than sixteen characters, twice: needle with more than sixteen'.replace('needle with more than sixteen', 'N')
'xyz needle with more than sixteen needle with more than sixteen'.split('needle with more than sixteen')
'a needle with more than sixteen'.find('needle with more than sixteen')
'abcabc'.rfind('abc')
'aXb'.find('X')
'abc'.find('x')
'abcabc'.find('a', 1)
'abc'.index('b')
'abc'.index('x')
'banana'.count('an')
'aaaa'.count('aa')
'abc'.count('')
'Straße ÄÖ'.upper()
'ABC Ä'.lower()
'hello wORLD it\'s'.title()
'hello wORLD (it\'s) a-b'|title
'hELLO wORLD'.capitalize()
'hELLO wORLD'|capitalize
'x'|upper ~ 'Y'|lower
','.join(['a', 'b'])
'-'.join('abc')
'{} and {}'.format(1, 'x')
'{1}{0}{1}'.format('a', 'b')
'{name}: {{{0}}}'.format(5, name='n')
'{:.2f}'.format(3.14159)
'%s is %d and %.1f%%' % ('x', 3, 2.25)
'%s' % 'y'
'%r' % 'y'
'%s %s'|format('a', 1)
'abc'.removeprefix('a').removesuffix('c')
'a=b=c'.partition('=')
'a=b=c'.rpartition('=')
'abc'.partition('x')
'12'.isdigit()
'a1'.isalnum() and 'ab'.isalpha() and ' '.isspace()
'AB'.isupper() and 'ab'.islower()
'a\nb\n\nc'|indent
'a\nb\n\nc'|indent(2, true)
'a\nb\n\nc'|indent(2, blank=true)
'a\nb'|indent('> ')
'a\nb\n'|indent(1)
''|indent(2, true)
'<a href="x">&\'</a>'|e
'<b>'|safe
5|string ~ 'x'
[1, 'a']|string
'12'|int + 1
' 12 '|int
'12.7'|int
'x'|int
'x'|int(7)
3.9|int
true|int
'3.5'|float
'x'|float
'1e3'|float
2|float
-5|abs
-5.5|abs
2.5|round
3.14159|round(2)
2.1|round(0, 'ceil')
2.9|round(method='floor')
25|round(-1)
[1, 2, none, '', 'x']|select|list
[1, 2, 3, 4]|select('odd')|list
[1, 2, 3, 4]|reject('even')|list
[1, 2, 3]|select('gt', 1)|list
['a', 1]|select('string')|list
[1, 2]|map('string')|list
['a b', 'c d']|map('replace', ' ', '_')|list
nothing|length
nothing|list
nothing|join
nothing|trim
nothing|string
none|string
none|select|list
5|length
none|length
{'a': [1, 2.0, none, true, 'é"\n\\/😀\u0001']}|tojson
[]|tojson ~ {}|tojson
{'b': [1, {'c': {}}], 'a': []}|tojson(indent=2)
{'b': 1, 'a': 2}|tojson(sort_keys=true)
[1, {'a': 2}]|tojson(separators=(',', ':'))
'é'|tojson(ensure_ascii=true)
{1: 'a', none: 'b', false: 'c'}|tojson
messages[3]|tojson
nothing|tojson
1 is number and 1.5 is number and 'x' is not number
1 is integer and 1.0 is not integer and 1.0 is float
true is boolean and true is not integer and true is number
'x' is string and 'x' is sequence and 'x' is iterable and 'x' is not mapping
{} is mapping and {} is sequence and {} is iterable
[] is sequence and [] is iterable and [] is not mapping
5 is not iterable and none is not iterable
none is none and nothing is not none
true is true and 1 is not true and false is false
3 is odd and 4 is even
9 is divisibleby 3
9 is divisibleby(2)
1 is eq 1 and 1 is ne 2 and 1 is lt 2 and 2 is gt 1 and 1 is le 1 and 1 is ge 1
1 is in [1, 2]
'x' is sameas 'y'
none is sameas none
range is callable and 5 is not callable
'ABC' is upper and 'abc' is lower
'a' 'b' "c"
'\u00e9\x41\t|\\n\q\''
"a'b" ~ 'c"d'
namespace(a=1).a
namespace({'a': 1}, b=2).b
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
[1, 2, 1].index(2)
[1, 2, 1].count(1)
1 // 0
1 % 0
raise_exception('no')
strftime_now('%d %b %Y, %B %A %m %y %%')
messages|tojson|length
bos_token ~ eos_token
add_generation_prompt
1.0
100.0
1e100
1.5e300 * 1e10
12345678901234567.0
0.0001
0.00001
"""

TEMPLATES = [
    "{% for m in messages %}{{ loop.index }}/{{ loop.length }}{{ loop.first }}{{ loop.last }}{{ loop.revindex0 }};{% endfor %}",
    "{% for m in messages %}{{ loop.previtem.role if loop.previtem }}>{{ m.role }}>{{ loop.nextitem.role if loop.nextitem is defined }} {% endfor %}",
    "{% for m in messages if m.role == 'user' %}{{ loop.index0 }}{{ m.content }}{% else %}none{% endfor %}",
    "{% for m in [] %}x{% else %}none{% endfor %}",
    "{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for (a, b) in [(1, 2), (3, 4)] %}{{ a * b }} {% endfor %}",
    "{% for a, b in [1] %}{% endfor %}",
    "{% for i in range(10) %}{% if i == 2 %}{% continue %}{% elif i == 5 %}{% break %}{% endif %}{{ i }}{% endfor %}",
    "{% for i in range(3) %}{% for j in range(2) %}{{ loop.depth }}{{ loop.cycle('a', 'b') }}{% if j %}{% break %}{% endif %}{% endfor %}{{ loop.index }}{% endfor %}",
    "{% for i in [1, 1, 2] %}{{ loop.changed(i) }}{% endfor %}",
    "{% for c in 'aé😀' %}{{ c }}|{% endfor %}",
    "{% for x in nothing %}x{% else %}e{% endfor %}",
    "{% for x in 5 %}x{% endfor %}",
    "{% for k in {'a': 1} %}{{ k }}{% endfor %}",
    "{% for x in 1, 2 %}{{ x }}{% endfor %}",
    "{% set x = 1 %}{% for i in range(2) %}{% set x = 5 %}{{ x }}{% endfor %}{{ x }}",
    "{% set ns = namespace(x=1) %}{% for i in range(3) %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}",
    "{% set x = 1 %}{% if true %}{% set x = 2 %}{% endif %}{{ x }}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}",
    "{% set a = 1, 2 %}{{ a }}",
    "{% set x %}a{{ 1 + 1 }}\nb{% endset %}{{ x|upper }}{{ x|length }}",
    "{% set x | trim | upper %}  abc {% endset %}{{ x }}|",
    "{% set x.y = 1 %}",
    "{% set d = {} %}{% set d.x = 1 %}",
    "{% filter upper %}a{{ 'b' }}{% endfilter %}",
    "{% filter replace('a', 'b')|upper %}banana{% endfilter %}",
    "{% macro f(a, b=2, c='x') %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ f(1) }} {{ f(1, c=3) }} {{ f(b=1, a=2) }} {{ f() }}",
    "{% macro f(a) %}{{ a }}{% endmacro %}{{ f(1, 2) }}",
    "{% macro f(a) %}{{ a }}{% endmacro %}{{ f(b=2) }}",
    "{% macro f() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1, 2, x=3) }}",
    "{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}",
    "{% macro f() %}{{ x }}{% endmacro %}{% set x = 5 %}{{ f() }}",
    "{% macro f() %} a {% endmacro %}{{ f()|trim ~ '|' }}{{ f()|length }}",
    "{% macro f() %}{% set y = 1 %}{{ y }}{% endmacro %}{{ f() }}{{ y is defined }}",
    "{% macro box(t) %}[{{ t }}:{{ caller() }}]{% endmacro %}{% call box('x') %}in{{ 1 }}{% endcall %}",
    "{% macro each(xs) %}{% for x in xs %}{{ caller(x) }}{% endfor %}{% endmacro %}{% call(v) each([1, 2]) %}<{{ v }}>{% endcall %}",
    "{% macro f() %}{{ caller is defined }}{% endmacro %}{{ f() }}",
    "{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{{ a is defined }}",
    "{% raw %}{{ x }} {% if %}{% endraw %}",
    "a {%- raw -%} {{ x }} {%- endraw -%} b",
    "{% generation %}{{ 'x' }}{% endgeneration %}y",
    "{% for m in messages %}{% generation %}{{ m.role }}{% endgeneration %}{% endfor %}",
    "a{# comment #}b{#- c -#} d",
    "a\n  {# comment #}\nb",
    "  {% if true %}\n  x\n  {% endif %}\n  y\n",
    "a  {%- if true -%}  b  {%- endif -%}  c",
    "a\n\n{{- 'x' -}}\n\nb",
    "a\n  {{ 'x' }}\nb",
    "a\n  {%+ if true %}b{% endif +%}\nc",
    "{% if true %}\n\nx{% endif %}\n\ny",
    "\t{% if true %}x{% endif %}\n\t{{ 1 }}\n",
    "x  {% if true %}y{% endif %}\n",
    "{%- if true -%}\n  x\n{%- endif %}\n\n",
    "a\r\nb\r{{ 'c\r\nd'|length }}\r\n",
    "{{ {'a': {'b': 1}}['a'] }}",
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
    "{% macro f(a=1, b) %}{% endmacro %}",
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
