package dev.sphere.cli.option;

import dev.sphere.engine.settings.GivenSettings;
import dev.sphere.engine.settings.SettingSpec;
import dev.sphere.engine.settings.SettingsTree;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine.IModelTransformer;
import picocli.CommandLine.Model.ArgGroupSpec;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.IGetter;
import picocli.CommandLine.Model.ISetter;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.UsageMessageSpec;
import picocli.CommandLine.ParseResult;

/**
 * The flags of a tree of settings. A command that has some implements {@link Command} and names {@link Adder} as its
 * {@code modelTransformer}; names, defaults and help come from the tree, which also reads the values.
 */
public final class SettingFlags {
  private static final String REST = "The run";

  private final SettingsTree tree;
  private final Set<String> first;
  private final Map<String, OptionSpec> options = new LinkedHashMap<>();
  private final Map<String, List<String>> values = new LinkedHashMap<>();
  private CommandSpec spec;

  /** A command whose settings are flags. */
  public interface Command {
    SettingFlags flags();
  }

  /** Gives a command its flags. */
  public static final class Adder implements IModelTransformer {
    @Override
    public CommandSpec transform(CommandSpec spec) {
      ((Command) spec.userObject()).flags().addTo(spec);
      return spec;
    }
  }

  /**
   * @param tree the settings
   * @param first the flags that matter most, which {@code --help} shows; none: it shows all
   */
  public SettingFlags(SettingsTree tree, String... first) {
    this.tree = tree;
    this.first = first.length == 0 ? Set.of() : Stream.concat(Stream.of(first), Stream.of("--help"))
        .collect(Collectors.toSet());
  }

  private void addTo(CommandSpec command) {
    spec = command;
    command.usageMessage().abbreviateSynopsis(true);
    Map<String, List<ArgSpec>> groups = new LinkedHashMap<>();
    if (!first.isEmpty()) {
      shortHelp(command);
      for (OptionSpec own : List.copyOf(command.options())) {
        if (own.group() == null && Arrays.stream(own.names()).noneMatch(first::contains)) {
          command.remove(own);
          groups.computeIfAbsent(REST, h -> new ArrayList<>()).add(own);
        }
      }
    }
    List<ArgSpec> rest = groups.remove(REST); // comes last
    for (SettingSpec setting : tree.settings()) {
      OptionSpec option = option(setting);
      options.put(setting.name(), option);
      if (first.contains(setting.flag()) || setting.heading().isEmpty()) {
        command.addOption(option);
      } else if (setting.heading().equals(REST) && rest != null) {
        rest.add(option);
      } else {
        groups.computeIfAbsent(setting.heading(), h -> new ArrayList<>()).add(option);
      }
    }
    if (rest != null) {
      groups.put(REST, rest);
    }
    int order = 0;
    for (var group : groups.entrySet()) {
      ArgGroupSpec.Builder builder =
          ArgGroupSpec.builder().validate(false).order(order++).heading("%n" + group.getKey() + ":%n");
      group.getValue().forEach(builder::addArg);
      command.addArgGroup(builder.build());
    }
  }

  /** {@code --help} shows the flags that matter most, {@code --help-all} all of them. */
  private void shortHelp(CommandSpec command) {
    command.remove(command.findOption("--help"));
    command.addOption(OptionSpec.builder("-h", "--help", "--help-all").usageHelp(true).arity("0").type(boolean.class)
        .description("--help shows the flags that matter most, --help-all all of them.").build());
    command.usageMessage().sectionMap().put(UsageMessageSpec.SECTION_KEY_OPTION_LIST, help -> {
      ParseResult call = command.commandLine().getParseResult();
      return call != null && call.originalArgs().contains("--help-all") ? help.optionList()
          : help.optionListExcludingGroups(command.options().stream().filter(o -> o.group() == null).toList());
    });
  }

  private OptionSpec option(SettingSpec setting) {
    List<String> names = new ArrayList<>(List.of(setting.flag()));
    for (String alias : setting.about().aliases()) {
      names.add("--" + SettingSpec.dashes(alias));
    }
    OptionSpec.Builder builder = OptionSpec.builder(names.toArray(String[]::new)).description(help(setting))
        .initialValue(null).required(setting.required());
    if (setting.isSwitch()) {
      builder.type(Boolean.class).arity("0").setter(new ISetter() {
        @Override
        public <T> T set(T value) {
          return keep(setting, value == null ? null : List.of(String.valueOf((Boolean) value ^ setting.isOn())), value);
        }
      });
    } else if (setting.isList()) {
      List<?>[] said = new List<?>[1]; // a flag that is repeated adds to what it said before
      IGetter before = new IGetter() {
        @Override
        @SuppressWarnings("unchecked") // picocli asks for what it has set
        public <T> T get() {
          return (T) said[0];
        }
      };
      builder.type(List.class).auxiliaryTypes(String.class).paramLabel(label(setting)).getter(before).setter(new ISetter() {
        @Override
        public <T> T set(T value) {
          said[0] = (List<?>) value;
          return keep(setting, value == null ? null : ((List<?>) value).stream().map(String::valueOf).toList(), value);
        }
      });
    } else {
      builder.type(String.class).paramLabel(label(setting)).setter(new ISetter() {
        @Override
        public <T> T set(T value) {
          return keep(setting, value == null ? null : List.of((String) value), value);
        }
      });
    }
    return builder.build();
  }

  private <T> T keep(SettingSpec setting, List<String> texts, T value) {
    if (texts == null) {
      values.remove(setting.name());
    } else {
      values.put(setting.name(), setting.about().escapes()
          ? texts.stream().map(t -> t.replace("\\n", "\n")).toList() : texts);
    }
    return value;
  }

  private static String label(SettingSpec setting) {
    return setting.about().label().isEmpty() ? "VALUE" : setting.about().label();
  }

  /** Help and default, as picocli formats it. */
  private static String help(SettingSpec setting) {
    String help = setting.about().help();
    List<String> more = new ArrayList<>();
    if (!setting.words().isEmpty() && !help.contains(setting.words().getLast())) {
      more.add(setting.allowed());
    }
    if (!setting.isSwitch() && !setting.required() && !setting.shownDefault().isEmpty()) {
      more.add("default: " + setting.shownDefault());
    }
    if (setting.isOn()) {
      help = "Switches off: " + help.substring(0, 1).toLowerCase(java.util.Locale.ROOT) + help.substring(1);
    }
    String all = more.isEmpty() ? help
        : (help.endsWith(".") ? help.substring(0, help.length() - 1) : help) + " (" + String.join("; ", more) + ").";
    return all.replace("%", "%%").replace("$", "$$");
  }

  /**
   * What the flags of the call say.
   *
   * @throws IllegalArgumentException naming the flag, when a value is none or has no effect
   */
  public GivenSettings told() {
    return told(GivenSettings.nothing());
  }

  /**
   * What the flags of the call say, and what {@code base} (a recipe) says of the rest.
   *
   * @param base checked
   */
  public GivenSettings told(GivenSettings base) {
    GivenSettings told = GivenSettings.nothing();
    ParseResult parsed = spec.commandLine().getParseResult();
    for (var value : values.entrySet()) {
      requireOnce(tree.get(value.getKey()), parsed);
      told = told.with(value.getKey(), value.getValue(), written(options.get(value.getKey()), parsed));
    }
    GivenSettings all = tree.check(told, "--").over(base);
    tree.requireEffects(all, name -> matched(name, parsed), SettingFlags::flag);
    return all;
  }

  /**
   * The call's flags as words that mean the same in any directory.
   *
   * @param without flags that are left out
   */
  public List<String> words(String... without) {
    List<String> words = new ArrayList<>();
    for (OptionSpec option : spec.commandLine().getParseResult().matchedOptions()) {
      String name = option.longestName();
      if (List.of(without).contains(name)) {
        continue;
      }
      if (option.arity().max() == 0) {
        words.add(name);
      } else {
        Path here = Path.of("").toAbsolutePath();
        option.originalStringValues().forEach(
            v -> words.add(name + "=" + SettingSpec.from(here, option.paramLabel(), v)));
      }
    }
    return words;
  }

  private Boolean matched(String name, ParseResult parsed) {
    OptionSpec option = spec.findOption(flag(name));
    return option == null ? null : (Boolean) parsed.hasMatchedOption(option);
  }

  private static String flag(String name) {
    return "--" + SettingSpec.dashes(name);
  }

  private void requireOnce(SettingSpec setting, ParseResult parsed) {
    List<String> names = List.of(options.get(setting.name()).names());
    long times = parsed.originalArgs().stream().filter(a -> names.contains(a.split("=", 2)[0])).count();
    if (times > 1 && !setting.isList() && !spec.commandLine().isOverwrittenOptionsAllowed()) {
      throw new IllegalArgumentException(names.getFirst() + " is given " + times + " times: give it once");
    }
  }

  /** The name by which the call has the option. */
  private static String written(OptionSpec option, ParseResult parsed) {
    for (String name : option.names()) {
      if (parsed.originalArgs().stream().anyMatch(a -> a.equals(name) || a.startsWith(name + "="))) {
        return name;
      }
    }
    return option.longestName();
  }
}
