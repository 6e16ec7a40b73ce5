package dev.sphere.engine.template;

import dev.sphere.engine.Policy.Message;
import dev.sphere.engine.prompt.ChatTemplate;
import java.util.ArrayList;
import java.util.List;

/**
 * Escapes and bombs, run in a child process with a small heap and the default stack ({@link HostileTemplatesTest}). Each
 * must end in an {@link IllegalArgumentException}; its number and message are printed, anything else ends the process.
 */
final class HostileTemplates {
  private HostileTemplates() {}

  /** What would reach beyond the template. */
  static List<String> escapes() {
    return List.of(
        // Jinjava 2.8.0's way to a file, and the two ways that 2.8.1 and 2.8.3 closed.
        "{{ ____int3rpr3t3r____.config.objectMapper }}",
        "{% set m = ____int3rpr3t3r____.config.objectMapper %}{{ m.readValue('\"file:///etc/passwd\"', "
            + "m.getTypeFactory().constructFromCanonical('java.net.URL')).openStream() }}",
        "{{ ____int3rpr3t3r____.getContext().getParent() }}",
        "{{ ____int3rpr3t3r____['config'] }}",
        "{% for class, config in ['x', {}] %}{{ class.forName('x') }}{% endfor %}", // a loop that reads properties
        "{% for config in [____int3rpr3t3r____] %}{{ config.objectMapper }}{% endfor %}",
        "{% for class, name in [range] %}{{ class }}{% endfor %}",
        "{{ this.getClass() }}",
        "{% for i in range(1) %}{{ loop.getClass().forName('java.lang.Runtime') }}{% endfor %}",
        "{{ range.getClass().getClassLoader() }}",
        "{{ messages.getClass().getName() }}",
        "{{ messages[0].getClass().forName('java.lang.System').getProperty('user.home') }}",
        "{{ messages|map(attribute='class.forName')|list|tojson }}",
        "{{ ''.class.forName('java.io.File') }}",
        "{{ ''['class']['forName']('java.io.File') }}",
        "{{ 'x'.getBytes() }}",
        "{{ 'x'.intern().hashCode() }}",
        "{{ (1).getClass() }}",
        "{{ (1.5).class.x }}",
        "{{ true.booleanValue() }}",
        "{{ namespace().getClass() }}",
        "{{ namespace(a=1).values.put('x', 1) }}",
        "{{ dict().entrySet().iterator() }}",
        "{{ {}.getOrDefault('a', 1) }}",
        "{{ [].stream().toList() }}",
        "{{ [1].elements.add(2) }}",
        "{{ raise_exception.call('x') }}",
        "{{ strftime_now.getClass() }}",
        "{{ strftime_now('%Z') }}",
        "{{ ('a'.repeat(40) ~ '!').matches('(a+)+') }}",
        "{{ 'a'.replaceAll('(a+)+$', 'b') }}",
        "{{ 'x'.formatted(1) }}",
        // Jinja2's sandbox.
        "{{ ''.__class__ }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ ''['__class__'] }}",
        "{{ messages.__class__ }}",
        "{{ messages|map(attribute='__class__')|list }}",
        "{{ messages|selectattr('__class__.__mro__')|list }}",
        "{{ messages|sort(attribute='content.__class__') }}",
        "{{ messages|attr('__class__') }}",
        "{{ ''|attr('upper') }}",
        "{{ '{0.__class__}'.format('') }}",
        "{{ '{0[__class__]}'.format('') }}",
        "{{ '{a.b}'.format(a=1) }}",
        "{{ '{!r}'.format('') }}",
        "{{ '{:{w}}'.format('', w=9) }}",
        "{{ ''.format_map({}) }}",
        "{{ ''.encode('utf-8') }}",
        "{{ namespace.__init__.__globals__ }}",
        "{{ range.__call__ }}",
        "{{ self.__init__ }}",
        "{{ cycler.__init__ }}",
        "{{ lipsum(5) }}",
        "{{ request.application }}",
        "{{ config.items() }}",
        "{% include '/etc/passwd' %}",
        "{% extends '/etc/passwd' %}",
        "{% import 'os' as os %}",
        "{% from 'os' import system %}",
        "{% block x %}{% endblock %}",
        "{% autoescape true %}{% endautoescape %}",
        "{% do messages.append(1) %}",
        "{% trans %}x{% endtrans %}",
        "{% debug %}",
        "{{ messages.append({}) }}",
        "{{ messages[0].update({'role': 'x'}) }}",
        "{{ messages[0].pop('content') }}",
        "{{ messages.sort() }}",
        "{{ messages.clear() }}",
        "{% set messages.x = 1 %}",
        "{% set range.x = 1 %}",
        "{{ f(*[1]) }}",
        "{{ dict(**{}) }}",
        "{{ '\\N{BULLET}' }}",
        "{{ x := 1 }}",
        "{{ lambda: 1 }}",
        "{{ `ls` }}",
        "{{ open('/etc/passwd') }}",
        "{{ import('os') }}",
        "{{ ''|from_json }}",
        "{{ 'a'|urlize }}",
        "{{ messages|xmlattr }}",
        "{{ messages|pprint }}",
        "{{ messages|random }}");
  }

  /** What would take all time, memory or stack. */
  static List<String> bombs() {
    String often = "{% for i in range(100000) %}{% for j in range(100000) %}";
    String end = "{% endfor %}{% endfor %}";
    List<String> bombs = new ArrayList<>(List.of(
        "{% set b = 'a' * 3000000 %}" + often + "{% set x = b.removeprefix('a') %}" + end,
        "{% set b = 'a' * 3000000 %}" + often + "{% set x = b.removesuffix('a') %}" + end,
        "{% set b = [1] * 300000 %}{% set c = [1] * 300000 %}" + often + "{% set x = b < c %}" + end,
        "{% set b = 'a' * 2000000 %}{% set c = 'a' * 2000000 %}{% set m = {b: 1} %}" + often
            + "{% set x = m[c] %}" + end,
        "{% set b = ('a' ~ messages[0].content[0]) * 400000 %}" + often + "{% set x = b|reverse %}" + end,
        "{% macro m(" + "a,".repeat(100000) + "b) %}{% endmacro %}",
        "{{ " + "a".repeat(100000) + " }}",
        "{{ ([[]] * 200000)|map('map'" + ", 0".repeat(200000) + ")|list }}",
        "{{ 'a'.repeat(1500000000) }}",
        "{{ 'a' * 1500000000 }}",
        "{{ 1500000000 * 'a' }}",
        "{{ 'a' * 9223372036854775807 }}",
        "{{ [0] * 1500000000 }}",
        "{{ [[0] * 10000] * 10000 }}{{ ([0] * 10000000)|length }}",
        "{{ (1, 2) * 9223372036854775807 }}",
        "{{ range(1500000000)|list }}",
        "{{ range(-9223372036854775807, 9223372036854775807) }}",
        "{{ range(0, 1, 0) }}",
        "{{ 10**100000 }}",
        "{{ 2**63 }}",
        "{{ 9223372036854775807 * 9223372036854775807 }}",
        "{{ -9223372036854775807 - 2 }}",
        "{{ (-9223372036854775807 - 1) // -1 }}",
        "{{ (-9223372036854775807 - 1)|abs }}",
        "{{ 10.0**400 }}",
        "{{ 99999999999999999999999 }}",
        "{{ 1e400|int + 1e300|int }}",
        "{{ 1 // 0 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '%.1000000000f' % 1 }}",
        "{{ '%99s' % 'x' }}",
        "{{ '{:1000000000}'.format(1) }}",
        "{{ '{:>1000000000d}'.format(1) }}",
        "{{ 'x'.center(1000000000) }}",
        "{{ 'x'.ljust(1000000000) }}",
        "{{ 'x'.zfill(1000000000) }}",
        "{{ 'x'|center(1000000000) }}",
        "{{ 'x'|indent(1000000000, true) }}",
        "{{ 'x'.expandtabs(1000000000) }}",
        "{{ ('a\\n' * 100000)|indent('b' * 100000) }}",
        "{{ ('a' * 1000000).replace('', 'b' * 1000000) }}",
        "{{ ('a' * 1000000).replace('a', 'b' * 1000000) }}",
        "{{ ('a' * 1000000)|replace('a', 'b' * 1000000) }}",
        "{{ ('b' * 1000000).join('a' * 1000000) }}",
        "{{ range(100000)|join('b' * 1000000) }}",
        "{{ [1]|tojson(indent=1000000000) }}",
        "{{ 1.5|round(1000000000) }}",
        "{{ [1]|tojson(indent='x' * 1000000) }}",
        "{{ [1, [2]]|tojson(separators=('x' * 4000000, 'y' * 4000000)) }}{{ range(9999)|list|tojson(separators=('x' * 100000, '')) }}",
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in range(1000) %}{% for b in range(1000) %}{% for c in range(1000) %}x{% endfor %}{% endfor %}{% endfor %}",
        "{% set ns = namespace(s='ab') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
        "{% set ns = namespace(s='ab') %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
        "{% set ns = namespace(s=[1]) %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
        "{% set ns = namespace(s='ab') %}{% for i in range(99) %}{% set ns.s = ns.s.replace('a', 'ab') * 2 %}{% endfor %}",
        "{% set ns = namespace(s='a') %}{% for i in range(99) %}{% set ns.s = ns.s|replace(ns.s, ns.s * 9) %}{% endfor %}",
        "{% set ns = namespace(s=[1]) %}{% for i in range(99) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s }}",
        "{% set ns = namespace(s=[1]) %}{% for i in range(99) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s|tojson }}",
        "{% set ns = namespace(s=[1], t=[1]) %}{% for i in range(99) %}{% set ns.s = [ns.s, ns.s] %}"
            + "{% set ns.t = [ns.t, ns.t] %}{% endfor %}{{ ns.s == ns.t }}",
        "{% set ns = namespace(s=[]) %}{% for i in range(99999) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s }}",
        "{% set ns = namespace(s=[]) %}{% for i in range(99999) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s|tojson }}",
        "{% set ns = namespace(s=[]) %}{% for i in range(99999) %}{% set ns.s = {'a': ns.s} %}{% endfor %}{{ ns.s|string }}",
        "{% set ns = namespace(s=[], t=[]) %}{% for i in range(99999) %}{% set ns.s = [ns.s] %}{% set ns.t = [ns.t] %}"
            + "{% endfor %}{{ ns.s == ns.t }}{{ ns.s < ns.t }}",
        "{% set ns = namespace() %}{% set ns.ns = ns %}{{ ns }}",
        "{% set ns = namespace() %}{% set ns.d = {'ns': ns} %}{{ ns.d }}",
        "{% set ns = namespace() %}{% set ns.d = [ns] %}{{ ns.d|tojson }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f(n) %}{{ g(n) }}{% endmacro %}{% macro g(n) %}{{ f(n) ~ f(n) }}{% endmacro %}{{ f(1) }}",
        "{% macro f(a=f()) %}{% endmacro %}{{ f() }}",
        "{% macro f() %}{% call f() %}{{ caller() }}{% endcall %}{% endmacro %}{{ f() }}",
        "{% macro f(n) %}{% for i in range(9) %}{{ f(n + 1) if n < 20 }}{% endfor %}{% endmacro %}{{ f(0) }}",
        "{% for i in range(99999) %}{{ 'x' * 999999 }}{% endfor %}",
        "{% set x = 'a' * 8000000 %}{{ x.find('a' * 4000000 ~ 'b') }}{{ x.find('a' * 999999 ~ 'b') }}",
        "{% set x = 'a' * 999999 %}{% for i in range(9999) %}{{ 'b' in x }}{% endfor %}",
        "{% set x = 'a' * 999999 %}{% for i in range(9999) %}{{ x == x ~ '' }}{% endfor %}",
        "{% set x = 'a' * 999999 %}{% for i in range(9999) %}{{ x|length }}{% endfor %}",
        "{% set x = 'a' * 999999 %}{% for i in range(9999) %}{{ x[5] }}{% endfor %}",
        "{% set x = ('a' * 999999).split('') %}",
        "{% set x = range(99999)|list %}{% for i in x %}{{ -1 in x }}{% endfor %}",
        "{% set x = range(99999)|list %}{% for i in x %}{{ x|sort }}{% endfor %}",
        "{% set x = range(99999)|list %}{% for i in x %}{{ x[::-1] }}{% endfor %}",
        "{{ ('ab' * 400000)|list|map('upper')|map('lower')|map('title')|list|join('c')|list|length }}",
        "{% for i in range(99999) %}{% set x %}{{ messages }}{{ range(999) }}{% endset %}{% endfor %}"));
    String text = "{% set x = 'a' * 3000000 %}" + often;
    for (String use : List.of("x.strip('b')", "x.strip('a')", "x.upper()", "x.title()", "x|capitalize", "x.startswith(x)",
        "x.endswith(x ~ 'a')", "x.split('b')", "x.split('a')", "x.replace('a', '')", "x[5]", "x[5:]", "x|length", "x|tojson",
        "x == 'b' * 3000000", "x < x", "messages[0].get(x)", "messages[0][x]", "x in messages[0]", "'a' * 63 ~ 'b' in x",
        "'a' * 9999 ~ 'b' in x", "x.replace('a' * 200 ~ 'b', '')", "'{}'.format(x)", "x ~ x", "[x]|join", "[x]|map('upper')|list")) {
      bombs.add(text + "{% set y = " + use + " %}" + end);
    }
    String list = "{% set x = range(99999)|list %}{% set z = range(99999)|list %}" + often;
    for (String use : List.of("x == z", "x + z", "x[::-1]", "x[1:]", "x|list", "x|join", "x|tojson", "x|select|list", "-1 in x",
        "x|map('string')|list", "x|selectattr('a')|list", "x|reject('number')|list", "x|reject('in', z)|list")) {
      bombs.add(list + "{% set y = " + use + " %}" + end);
    }
    StringBuilder entries = new StringBuilder();
    for (int i = 0; i < 20_000; i++) {
      entries.append("'").append(i).append("': 1, ");
    }
    for (String use : List.of("x|dictsort", "x.items()", "x.keys()", "x == z", "x|list", "x|tojson")) {
      bombs.add("{% set x = {" + entries + "} %}{% set z = {" + entries + "} %}" + often + "{% set y = " + use + " %}" + end);
    }
    String doubled = "{% set ns = namespace(s=[[]]) %}{% for i in range(17) %}{% set ns.s = ns.s + ns.s %}{% endfor %}";
    bombs.add(doubled + "{{ ns.s|map('map'" + ", 0".repeat(200_000) + ")|list }}");
    bombs.add(doubled + "{{ ns.s|map('join'" + ", 0".repeat(200_000) + ")|list }}");
    bombs.add("{% set x = ('ab' * 100000).split('ab') %}" + often + "{% set y = x|join %}" + end);
    bombs.add("{{ ('{}' * 1000000).format('a') }}");
    bombs.add("{% set ns = namespace(s='{}') %}{% for i in range(99) %}{% set ns.s = (ns.s * 9).format(ns.s, ns.s, ns.s, ns.s, "
        + "ns.s, ns.s, ns.s, ns.s, ns.s) %}{% endfor %}");
    bombs.add("{% macro f(n) %}{% set x %}{% for i in range(99) %}{{ f(n + 1) if n < 90 }}{% endfor %}{% endset %}{% endmacro %}{{ f(0) }}");
    bombs.add("{% set ns = namespace(s={'a': 1}) %}{% for i in range(9999) %}{% set ns.s = {'a': ns.s, 'b': ns.s} %}{% endfor %}"
        + "{{ ns.s == ns.s.a }}{{ ns.s|tojson }}");
    int many = 100_000;
    for (String nest : List.of("[", "(", "{1:", "-", "not ", "f(", "x[", "1 if ")) {
      bombs.add("{{ " + nest.repeat(many) + " }}");
    }
    bombs.add("{{ " + "[".repeat(many) + "]".repeat(many) + " }}");
    bombs.add("{{ " + "(".repeat(many) + "1" + ")".repeat(many) + " }}");
    bombs.add("{% if 1 %}".repeat(many / 2) + "{% endif %}".repeat(many / 3));
    bombs.add("{% for x in [1] %}".repeat(many / 3) + "{% endfor %}".repeat(many / 3));
    bombs.add("{% macro f() %}".repeat(many / 3) + "{% endmacro %}".repeat(many / 3));
    bombs.add("{% set x %}".repeat(many / 3) + "{% endset %}".repeat(many / 3));
    bombs.add("{% if 0 %}" + "{% elif 0 %}".repeat(50_000));
    bombs.add("{{ 1" + " + 1".repeat(many) + " }}");
    bombs.add("{{ 1" + " ~ 1".repeat(many) + " }}");
    bombs.add("{{ 1" + " ** 1".repeat(many) + " }}");
    bombs.add("{{ 1" + " and 1".repeat(many) + " }}");
    bombs.add("{{ x" + ".x".repeat(many) + " }}");
    bombs.add("{{ 'x'" + "|upper".repeat(many) + " }}");
    bombs.add("{{ 1" + " if 1 else 1".repeat(many / 2) + " }}");
    bombs.add("{{ f" + "()".repeat(many) + " }}");
    bombs.add("{{ messages" + "[0:]".repeat(many) + " }}");
    bombs.add("x".repeat(2_000_000));
    bombs.add("{{ '" + "x".repeat(2_000_000) + "' }}");
    bombs.add(" ".repeat(1_000_000) + "{% if");
    bombs.add("{{ " + "9".repeat(500_000) + " }}");
    bombs.add("{{ 0x" + "f".repeat(500_000) + " }}");
    for (int depth = 0, each = 10; depth < 1; depth++) {
      StringBuilder loops = new StringBuilder();
      for (int i = 0; i < each; i++) {
        loops.append("{% for i").append(i).append(" in range(1000) %}");
      }
      bombs.add(loops.append("x").append("{% endfor %}".repeat(each)).toString());
    }
    return bombs;
  }

  public static void main(String[] args) {
    List<Message> dialogue = List.of(new Message("user", "1+1?"), new Message("assistant", "2"));
    List<String> all = new ArrayList<>(escapes());
    all.addAll(bombs());
    for (int i = 0; i < all.size(); i++) {
      String source = all.get(i);
      try {
        String out = new ChatTemplate(source, "<s>", "</s>").render(dialogue, true);
        System.out.println("RENDERED " + shortened(source) + " gives " + shortened(out));
      } catch (IllegalArgumentException e) {
        System.out.println("REFUSED " + shortened(e.getMessage()));
      }
    }
  }

  private static String shortened(String s) {
    return (s.length() > 160 ? s.substring(0, 160) + "..." : s).replace('\n', ' ');
  }
}
