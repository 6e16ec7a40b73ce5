package dev.sphere.web.studio;

import dev.sphere.engine.stage.Reason;
import dev.sphere.engine.stage.Stage;
import dev.sphere.engine.store.CheckedLines;
import dev.sphere.engine.store.Provenance;
import dev.sphere.engine.store.StoreException;
import dev.sphere.web.Query;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.logging.Level;
import java.util.logging.Logger;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A search run, indexed so that a run of 100,000 problems is looked at without being in memory: for each problem some numbers, and
 * where its lines stand in the run's logs. The problems are read at once. Which have ended, stages, probe and trees follow in a
 * thread of their own, and then by what the files have grown. A damaged line is named and left out.
 */
final class SearchIndex implements AutoCloseable {
  private static final Logger LOG = Logger.getLogger(SearchIndex.class.getName());
  private static final JsonMapper JSON = JsonMapper.shared();
  private static final int MOST_WARNINGS = 8;
  private static final int MOST_CLASSES = 24;
  private static final byte[] ROOT = "\"search\":\"generation\",\"path\":\"\",".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] TOKENS = "\"tokens\":[".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] COUNT = "\"count\":".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] ROLLED = "\"rollout_tokens\":".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] ROLLOUTS = "\"rollouts\":".getBytes(StandardCharsets.US_ASCII);
  static final List<String> STAGES = List.of("generation", "correction", "diversity", "probe");

  private final Path folder;
  private final Provenance provenance;
  private final List<String> warnings = new ArrayList<>();
  private int warned;
  private String[] ids = {};
  private Map<String, Integer> byId = Map.of();
  private long[] questionFrom = {};
  private int[] questionLength = {};
  private byte[] reason = {}; // index of Reason; -1 for none
  private boolean[] ended = {};
  private short[][] pairs = {}; // by stage
  private short[] right = {};
  private short[] solutions = {};
  private byte[] solved = {}; // of the probe's draws; -1 before it
  private byte[] draws = {};
  private float[] rewardMax = {}; // process reward of the first step's S_max in generation; NaN before it
  private float[] rewardMin = {};
  private final Map<String, Long> tokens = new LinkedHashMap<>(); // of the candidates on record, by the kind of search
  private long repeated; // tokens of draws that were equal to a candidate
  private long rolled; // tokens of the process reward's rollouts
  private long unrecorded; // expansions with rollouts whose tokens nobody counted: before version 0.2.0
  private long probed; // tokens of the probe's draws
  private long attempted; // tokens of attempts: all there is of a search without trees
  private final Map<String, byte[]> classes = new LinkedHashMap<>(); // metadata field: which value each problem has
  private final Map<String, List<String>> values = new HashMap<>();
  private final Map<String, Log> logs = new LinkedHashMap<>();
  private volatile long version;
  private volatile boolean closed;
  private volatile boolean behind = true;
  private Thread thread;

  /** One of the run's logs, and how far it was read. */
  private static final class Log {
    private final Path file;
    private LineChains chains;
    private long read;
    private int lines;
    private int strange; // lines of no problem of the run
    private int firstStrange;

    Log(Path file) {
      this.file = file;
    }
  }

  /**
   * Reads the problems.
   *
   * @throws StoreException when nothing says what the run is
   */
  SearchIndex(Path folder) {
    this.folder = folder;
    this.provenance = Provenance.of(folder);
    begin();
  }

  private synchronized void begin() {
    warnings.clear();
    warned = 0;
    tokens.clear();
    repeated = rolled = unrecorded = probed = attempted = 0;
    classes.clear();
    values.clear();
    readProblems();
    int n = ids.length;
    reason = new byte[n];
    Arrays.fill(reason, (byte) -1);
    ended = new boolean[n];
    pairs = new short[STAGES.size()][n];
    right = new short[n];
    solutions = new short[n];
    solved = new byte[n];
    Arrays.fill(solved, (byte) -1);
    draws = new byte[n];
    rewardMax = new float[n];
    rewardMin = new float[n];
    Arrays.fill(rewardMax, Float.NaN);
    Arrays.fill(rewardMin, Float.NaN);
    logs.clear();
    for (String name : List.of("results", "probe", "stages", "tree")) {
      Log log = new Log(folder.resolve(name + ".jsonl"));
      log.chains = new LineChains(n);
      logs.put(name, log);
    }
    version++;
  }

  private void warn(String words) {
    warned++;
    if (warnings.size() < MOST_WARNINGS) {
      warnings.add(words);
    }
  }

  private void readProblems() {
    Path file = folder.resolve("problems.jsonl");
    List<String> names = new ArrayList<>();
    Map<String, Integer> places = new HashMap<>();
    long[] from = new long[1024];
    int[] length = new int[1024];
    Map<String, ByteArrayOutputStream> codes = new LinkedHashMap<>();
    int number = 0;
    long at = 0;
    try (Lines lines = new Lines(file)) {
      for (byte[] line = lines.next(); line != null; line = lines.next()) {
        number++;
        long begin = at;
        at = lines.at();
        if (line.length == 0) {
          continue;
        }
        try {
          int n = names.size();
          String id = problem(line, n, codes);
          if (id == null || places.putIfAbsent(id, n) != null) {
            throw new IllegalArgumentException(id == null ? "no id" : "its id is there twice");
          }
          names.add(id);
          if (n == from.length) {
            from = Arrays.copyOf(from, n * 2);
            length = Arrays.copyOf(length, n * 2);
          }
          from[n] = begin;
          length[n] = line.length;
        } catch (JacksonException | IllegalArgumentException e) {
          warn(file.getFileName() + ", line " + number + ": damaged; the problem is left out");
        }
      }
    } catch (IOException e) {
      warn(file.getFileName() + ": " + (Files.exists(file) ? e.getMessage() : "missing") + "; `./sphere run check` says what to do");
    }
    ids = names.toArray(String[]::new);
    byId = places;
    questionFrom = from;
    questionLength = length;
    codes.forEach((field, bytes) -> {
      byte[] all = bytes.toByteArray();
      if (values.get(field).size() > 1 && values.get(field).size() <= MOST_CLASSES) {
        int filled = all.length;
        all = Arrays.copyOf(all, ids.length);
        Arrays.fill(all, filled, ids.length, (byte) -1);
        classes.put(field, all);
      }
    });
  }

  /** Reads a problem's line for its id and its metadata. */
  private String problem(byte[] line, int n, Map<String, ByteArrayOutputStream> codes) {
    String id = null;
    try (JsonParser p = JSON.createParser(line)) {
      p.nextToken();
      while (p.nextToken() == JsonToken.PROPERTY_NAME) {
        String name = p.currentName();
        p.nextToken();
        if (name.equals("problem")) {
          id = p.getString();
        } else if (name.equals("metadata") && p.currentToken() == JsonToken.START_OBJECT) {
          while (p.nextToken() == JsonToken.PROPERTY_NAME) {
            String field = p.currentName();
            p.nextToken();
            code(codes, field, p.getString(), n);
          }
        } else {
          p.skipChildren();
        }
      }
    }
    return id;
  }

  private void code(Map<String, ByteArrayOutputStream> codes, String field, String value, int n) {
    List<String> known = values.computeIfAbsent(field, f -> new ArrayList<>());
    if (known.size() > MOST_CLASSES) {
      return; // it is no class
    }
    int at = known.indexOf(value);
    if (at < 0) {
      at = known.size();
      known.add(value);
    }
    ByteArrayOutputStream bytes = codes.computeIfAbsent(field, f -> new ByteArrayOutputStream());
    while (bytes.size() < n) {
      bytes.write(-1);
    }
    bytes.write(at);
  }

  /** Reads on where the logs have grown, in a thread of its own, until it is closed. */
  synchronized void start() {
    if (thread == null) {
      thread = Thread.ofPlatform().daemon().name("index " + folder.getFileName()).start(this::run);
    }
  }

  private void run() {
    try {
      while (!closed) {
        try {
          refresh();
        } catch (StoreException | UncheckedIOException e) {
          LOG.log(Level.FINE, "indexing " + folder, e);
        }
        Thread.sleep(500);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // closed
    }
  }

  /** Waits until the logs that are there have been read; at most so long, in ms. */
  void await(long most) {
    long end = System.currentTimeMillis() + most;
    try {
      while (behind && !closed && System.currentTimeMillis() < end) {
        Thread.sleep(10);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Reads what was added since. */
  void refresh() {
    for (String name : List.of("results", "probe", "stages", "tree")) {
      Log log = logs.get(name);
      long size = log.file.toFile().length();
      if (size < log.read) { // the run was mended, or begun anew
        begin();
        return;
      }
      if (size > log.read) {
        follow(name);
      }
    }
    behind = false;
  }

  private void follow(String name) {
    Log log = logs.get(name);
    CheckedLines.read(log.file, log.read, log.lines, (number, from, to, object, whole) -> {
      if (!whole || closed) {
        return; // its writer is still at it
      }
      synchronized (this) {
        if (log != logs.get(name)) {
          return;
        }
        log.read = to;
        log.lines = number;
        try {
          int problem = object == null ? -1 : record(name, object);
          if (problem >= 0) {
            log.chains.add(problem, from, object.length);
          } else if (object == null) {
            warn(log.file.getFileName() + ", line " + number
                + ": damaged (its checksum does not fit); it is left out, and --resume computes it again");
          } else if (log.strange++ == 0) {
            log.firstStrange = number;
          }
        } catch (RuntimeException e) {
          warn(log.file.getFileName() + ", line " + number + ": no record of this version; it is left out");
        }
        version++;
      }
    });
  }

  /** Takes a line's numbers; returns its problem, -1 for an unknown one. */
  private int record(String name, byte[] line) {
    if (name.equals("tree")) {
      String[] head = head(line);
      Integer problem = byId.get(head[0]);
      if (problem != null) {
        count(head[1].split(":", 2)[0], line);
      }
      if (problem != null && at(line, ROOT)) {
        JsonNode e = JSON.readTree(line);
        JsonNode max = e.get("candidates").get(e.get("max").asInt());
        JsonNode min = e.get("candidates").get(e.get("min").asInt());
        if (max != min || max.has("rollouts") || max.get("prm").asDouble() != 0) { // a step without a rival needs no rollouts
          rewardMax[problem] = (float) max.get("prm").asDouble();
          rewardMin[problem] = (float) min.get("prm").asDouble();
        }
      }
      return problem == null ? -1 : problem;
    }
    if (name.equals("results")) {
      return ended(line);
    }
    JsonNode row = JSON.readTree(line);
    Integer problem = byId.get(row.path("problem").asString(""));
    if (problem == null) {
      return -1;
    }
    switch (name) {
      case "probe" -> {
        int good = 0;
        for (JsonNode d : row.get("draws")) {
          probed += d.path("tokens").size();
          good += d.get("solved").asBoolean() ? 1 : 0;
        }
        solved[problem] = (byte) Math.min(127, good);
        draws[problem] = (byte) Math.min(127, row.get("draws").size());
      }
      default -> {
        int stage = Stage.of(row.get("stage").asString()).ordinal();
        for (JsonNode pair : row.get("pairs")) {
          int of = STAGES.indexOf(pair.path("stage").asString(""));
          pairs[of < 0 ? stage : of][problem]++;
        }
        for (JsonNode a : row.get("attempts")) {
          solutions[problem]++;
          attempted += a.path("tokens").size();
          right[problem] += (short) (a.get("correct").asBoolean() ? 1 : 0);
        }
      }
    }
    return problem;
  }

  private int ended(byte[] line) {
    String id = null;
    String why = null;
    try (JsonParser p = JSON.createParser(line)) {
      p.nextToken();
      while (p.nextToken() == JsonToken.PROPERTY_NAME) {
        String field = p.currentName();
        p.nextToken();
        if (field.equals("problem")) {
          id = p.getString();
        } else if (field.equals("reason") && p.currentToken() == JsonToken.VALUE_STRING) {
          why = p.getString();
        }
      }
    }
    Integer problem = byId.get(id);
    if (problem == null) {
      return -1;
    }
    reason[problem] = why == null ? -1 : (byte) Reason.valueOf(why.toUpperCase(Locale.ROOT)).ordinal();
    ended[problem] = true;
    return problem;
  }

  private static boolean at(byte[] line, byte[] text) {
    int most = Math.min(line.length - text.length, 4096);
    for (int i = 0; i < most; i++) {
      if (line[i] == text[0] && Arrays.equals(line, i, i + text.length, text, 0, text.length)) {
        return true;
      }
    }
    return false;
  }

  /** The problem and the search that a line of the trees begins with. */
  private static String[] head(byte[] line) {
    String[] head = new String[2];
    try (JsonParser p = JSON.createParser(line)) {
      for (int i = 0; i < 5; i++) {
        p.nextToken(); // {, "crc", its value, "problem", its value
      }
      head[0] = p.getString();
      p.nextToken();
      p.nextToken();
      head[1] = p.getString();
    }
    return head;
  }

  /**
   * Adds up what an expansion's tokens were drawn for: the numbers in its candidates' "tokens", as often as each was drawn, and its
   * rollouts'. The line is not parsed for it. A text's quotes are escaped.
   */
  private void count(String search, byte[] line) {
    long all = 0;
    long last = 0; // tokens of the candidate that is being read
    boolean rolls = false;
    boolean counted = false;
    for (int i = 0; i < line.length - 1; i++) {
      if (line[i] != '"') {
        continue;
      }
      if (starts(line, i, TOKENS)) {
        i += TOKENS.length;
        last = line[i] == ']' ? 0 : 1;
        for (; i < line.length && line[i] != ']'; i++) {
          last += line[i] == ',' ? 1 : 0;
        }
        all += last;
      } else if (starts(line, i, COUNT)) {
        repeated += (number(line, i + COUNT.length) - 1) * last;
      } else if (starts(line, i, ROLLED)) {
        rolled += number(line, i + ROLLED.length);
        counted = true;
      } else {
        rolls |= starts(line, i, ROLLOUTS);
      }
    }
    unrecorded += rolls && !counted ? 1 : 0;
    tokens.merge(search, all, Long::sum);
  }

  private static boolean starts(byte[] line, int at, byte[] text) {
    return at + text.length < line.length && Arrays.equals(line, at, at + text.length, text, 0, text.length);
  }

  private static long number(byte[] line, int from) {
    long n = 0;
    for (int i = from; i < line.length && line[i] >= '0' && line[i] <= '9'; i++) {
      n = 10 * n + line[i] - '0';
    }
    return n;
  }

  /** What the run's tokens were drawn for, and what a reward model read; those of which there are any. */
  private Map<String, Object> budget() {
    Map<String, Long> searches = tokens.isEmpty() && attempted > 0 ? Map.of("solutions", attempted) : tokens;
    Map<String, Object> budget = new LinkedHashMap<>();
    searches.forEach((search, n) -> budget.put(search, n));
    budget.put("repeated", repeated);
    budget.put("rollouts", rolled);
    budget.put("probe", probed);
    budget.values().removeIf(n -> n.equals(0L));
    budget.put("unrecorded", unrecorded);
    return budget;
  }

  @Override
  public void close() {
    closed = true;
    if (thread != null) {
      thread.interrupt();
    }
  }

  Path folder() {
    return folder;
  }

  Provenance provenance() {
    return provenance;
  }

  /** Grows with everything that is read. */
  long version() {
    return version;
  }

  /** A problem's number; -1 for an unknown one. */
  int find(String id) {
    return byId.getOrDefault(id, -1);
  }

  /** How many problems there are. */
  int size() {
    return ids.length;
  }

  String id(int problem) {
    return ids[problem];
  }

  /** What of the logs was read, and how much there is, in bytes. */
  synchronized Map<String, Object> progress() {
    long read = 0;
    long size = 0;
    for (Log log : logs.values()) {
      read += log.read;
      size += log.file.toFile().length();
    }
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("read", read);
    map.put("size", size);
    map.put("behind", behind);
    return map;
  }

  synchronized List<String> warnings() {
    List<String> all = new ArrayList<>(warnings);
    for (Log log : logs.values()) {
      if (log.strange > 0) {
        all.add(log.file.getFileName() + ": " + log.strange + " lines are of no problem of this run and are left out (the first: line "
            + log.firstStrange + ")");
      }
    }
    if (warned > warnings.size()) {
      all.add("and " + (warned - warnings.size()) + " more; `./sphere run check` lists all of it");
    }
    return all;
  }

  /** The run in figures, over the problems that have ended or are in work. */
  synchronized Map<String, Object> figures() {
    Map<String, Object> map = new LinkedHashMap<>();
    int done = 0;
    int with = 0;
    int[] reasons = new int[Reason.values().length];
    int[] byStage = new int[STAGES.size()];
    long good = 0;
    long all = 0;
    for (int i = 0; i < ids.length; i++) {
      done += ended[i] ? 1 : 0;
      with += pairs(i) > 0 ? 1 : 0;
      if (reason[i] >= 0) {
        reasons[reason[i]]++;
      }
      for (int s = 0; s < byStage.length; s++) {
        byStage[s] += pairs[s][i];
      }
      good += right[i];
      all += solutions[i];
    }
    map.put("problems", ids.length);
    map.put("ended", done);
    map.put("withPairs", with);
    map.put("right", good);
    map.put("solutions", all);
    Map<String, Integer> stages = new LinkedHashMap<>();
    for (int s = 0; s < byStage.length; s++) {
      stages.put(STAGES.get(s), byStage[s]);
    }
    map.put("pairs", stages);
    List<Map<String, Object>> why = new ArrayList<>();
    for (Reason r : Reason.values()) {
      if (reasons[r.ordinal()] > 0) {
        why.add(Map.of("label", r.label(), "text", r.text(), "n", reasons[r.ordinal()]));
      }
    }
    why.sort((a, b) -> Integer.compare((Integer) b.get("n"), (Integer) a.get("n")));
    map.put("reasons", why);
    map.put("classes", byClass());
    map.put("probed", draws.length > 0 && logs.get("probe").lines > 0);
    map.put("expansions", logs.get("tree").lines);
    map.put("tokens", budget());
    return map;
  }

  /** All pairs so far. */
  synchronized int pairs() {
    int n = 0;
    for (int i = 0; i < ids.length; i++) {
      n += pairs(i);
    }
    return n;
  }

  /** Pairs of a problem so far. */
  int pairs(int problem) {
    int n = 0;
    for (short[] stage : pairs) {
      n += stage[problem];
    }
    return n;
  }

  /** For each published field, and for the question's length: how many problems, with pairs, and the share of right solutions. */
  private List<Map<String, Object>> byClass() {
    List<Map<String, Object>> fields = new ArrayList<>();
    classes.forEach((field, codes) -> fields.add(Map.of("field", field, "rows", rows(codes, values.get(field)))));
    if (ids.length >= 8) {
      int[] sorted = Arrays.copyOf(questionLength, ids.length);
      Arrays.sort(sorted);
      int[] ends = {sorted[ids.length / 4], sorted[ids.length / 2], sorted[3 * ids.length / 4]};
      byte[] codes = new byte[ids.length];
      for (int i = 0; i < codes.length; i++) {
        int length = questionLength[i];
        codes[i] = (byte) (length <= ends[0] ? 0 : length <= ends[1] ? 1 : length <= ends[2] ? 2 : 3);
      }
      fields.add(Map.of("field", "length of the problem", "rows",
          rows(codes, List.of("shortest quarter", "second", "third", "longest"))));
    }
    return fields;
  }

  private List<Map<String, Object>> rows(byte[] codes, List<String> names) {
    int n = names.size();
    long[][] sums = new long[n][6];
    for (int i = 0; i < codes.length; i++) {
      if (codes[i] >= 0) {
        long[] s = sums[codes[i]];
        s[0]++;
        s[1] += ended[i] ? 1 : 0;
        s[2] += pairs(i) > 0 ? 1 : 0;
        s[3] += right[i] + Math.max(0, solved[i]);
        s[4] += solutions[i] + draws[i];
      }
    }
    List<Map<String, Object>> rows = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      long[] s = sums[i];
      rows.add(Map.of("name", names.get(i), "problems", s[0], "ended", s[1], "withPairs", s[2], "right", s[3], "solutions", s[4]));
    }
    rows.sort((a, b) -> names.size() == 4 && names.contains("longest") ? 0
        : ((String) a.get("name")).compareTo((String) b.get("name")));
    return rows;
  }

  /** A page of the table of problems: those that a query names, in its order. */
  Map<String, Object> page(Query query) {
    int from = query.number("from", 0);
    int count = Math.min(500, query.number("count", 100));
    int[] found = select(query);
    List<Map<String, Object>> rows = new ArrayList<>();
    try (FileChannel file = FileChannel.open(folder.resolve("problems.jsonl"))) {
      for (int i = from; i < Math.min(found.length, from + count); i++) {
        rows.add(row(found[i], file));
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read the problems of " + folder + ": " + e.getMessage(), e);
    }
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("total", ids.length);
    map.put("matched", found.length);
    map.put("from", from);
    map.put("rows", rows);
    map.put("progress", progress());
    return map;
  }

  private synchronized Map<String, Object> row(int i, FileChannel file) throws IOException {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("id", ids[i]);
    row.put("number", i + 1);
    JsonNode problem = JSON.readTree(read(file, questionFrom[i], questionLength[i]));
    String question = problem.path("question").asString("").strip();
    row.put("question", question.length() > 240 ? question.substring(0, 240) + "…" : question);
    row.put("answer", problem.path("answer").asString(""));
    row.put("pairs", pairs(i));
    List<String> stages = new ArrayList<>();
    for (int s = 0; s < STAGES.size(); s++) {
      if (pairs[s][i] > 0) {
        stages.add(STAGES.get(s));
      }
    }
    row.put("stages", stages);
    row.put("ended", ended[i]);
    row.put("reason", reason[i] < 0 ? null : Reason.values()[reason[i]].text());
    row.put("right", right[i]);
    row.put("solutions", solutions[i]);
    row.put("max", Float.isNaN(rewardMax[i]) ? null : rewardMax[i]);
    row.put("min", Float.isNaN(rewardMin[i]) ? null : rewardMin[i]);
    row.put("solved", solved[i] < 0 ? null : solved[i]);
    row.put("draws", draws[i]);
    return row;
  }

  private int[] select(Query query) {
    String text = query.text("text").strip().toLowerCase(Locale.ROOT);
    boolean[] matching = text.isEmpty() ? null : matching(text);
    String why = query.text("reason");
    String stage = query.text("stage");
    String reward = query.text("reward");
    String field = query.text("field");
    String value = query.text("value");
    synchronized (this) {
      Integer[] found = new Integer[ids.length];
      int n = 0;
      byte[] codes = classes.get(field);
      int code = codes == null ? -1 : values.get(field).indexOf(value);
      for (int i = 0; i < ids.length; i++) {
        if ((matching == null || matching[i]) && reasonFits(why, i) && stageFits(stage, i) && rewardFits(reward, i)
            && (codes == null || codes[i] == code)) {
          found[n++] = i;
        }
      }
      found = Arrays.copyOf(found, n);
      sort(found, query.text("sort"), query.text("desc").equals("1"));
      return Arrays.stream(found).mapToInt(Integer::intValue).toArray();
    }
  }

  private boolean reasonFits(String why, int i) {
    return switch (why) {
      case "" -> true;
      case "pairs" -> pairs(i) > 0;
      case "none" -> ended[i] && pairs(i) == 0;
      case "open" -> !ended[i];
      default -> reason[i] >= 0 && Reason.values()[reason[i]].label().equals(why);
    };
  }

  private boolean stageFits(String stage, int i) {
    return stage.isEmpty() || STAGES.contains(stage) && pairs[STAGES.indexOf(stage)][i] > 0;
  }

  private boolean rewardFits(String reward, int i) {
    float mean = (rewardMax[i] + rewardMin[i]) / 2;
    return switch (reward) {
      case "low" -> rewardMax[i] < 1f / 3;
      case "high" -> rewardMin[i] > 2f / 3;
      case "between" -> mean >= 1f / 3 && mean <= 2f / 3;
      case "gap" -> rewardMax[i] - rewardMin[i] >= 0.25f;
      default -> true;
    };
  }

  private void sort(Integer[] found, String by, boolean down) {
    java.util.Comparator<Integer> order = switch (by) {
      case "id" -> java.util.Comparator.comparing(i -> ids[i]);
      case "pairs" -> java.util.Comparator.comparingInt(this::pairs);
      case "right" -> java.util.Comparator.comparingDouble(i -> solutions[i] == 0 ? -1 : (double) right[i] / solutions[i]);
      case "reward" -> java.util.Comparator.comparingDouble(i -> Float.isNaN(rewardMax[i]) ? -1 : rewardMax[i]);
      case "gap" -> java.util.Comparator.comparingDouble(
          i -> Float.isNaN(rewardMax[i]) ? -1 : (double) rewardMax[i] - rewardMin[i]);
      case "passed" -> java.util.Comparator.comparingDouble(i -> draws[i] == 0 ? -1 : (double) solved[i] / draws[i]);
      case "reason" -> java.util.Comparator.comparingInt(i -> reason[i]);
      default -> java.util.Comparator.naturalOrder();
    };
    Arrays.sort(found, down ? order.reversed() : order);
  }

  /** Which problems have a text in their id, question or answer; the file is read once, nothing of it is kept. */
  private boolean[] matching(String text) {
    boolean[] matching = new boolean[ids.length];
    int n = 0;
    try (Lines lines = new Lines(folder.resolve("problems.jsonl"))) {
      for (byte[] line = lines.next(); line != null && n < ids.length; line = lines.next()) {
        if (line.length != questionLength[n] || lines.at() < questionFrom[n]) {
          continue; // a line that was left out
        }
        try {
          JsonNode p = JSON.readTree(line);
          if (p.path("problem").asString("").equals(ids[n])) {
            matching[n] = has(p, "problem", text) || has(p, "question", text) || has(p, "answer", text);
            n++;
          }
        } catch (JacksonException e) {
          LOG.log(Level.FINEST, "left out before", e);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read the problems of " + folder + ": " + e.getMessage(), e);
    }
    return matching;
  }

  private static boolean has(JsonNode problem, String field, String text) {
    return problem.path(field).asString("").toLowerCase(Locale.ROOT).contains(text);
  }

  /** The line of a problem, as it stands in problems.jsonl. */
  byte[] problemLine(int problem) throws IOException {
    try (FileChannel file = FileChannel.open(folder.resolve("problems.jsonl"))) {
      return read(file, questionFrom[problem], questionLength[problem]);
    }
  }

  /**
   * A problem's lines of a log, in its order.
   *
   * @param name results, probe, stages or tree
   * @param skipped how many are known already
   */
  List<byte[]> lines(String name, int problem, int skipped) throws IOException {
    LineChains.Place[] places;
    synchronized (this) {
      places = logs.get(name).chains.of(problem, skipped);
    }
    List<byte[]> lines = new ArrayList<>();
    if (places.length > 0) {
      try (FileChannel file = FileChannel.open(logs.get(name).file)) {
        for (LineChains.Place place : places) {
          byte[] line = read(file, place.from(), place.length());
          if (CheckedLines.whole(line)) { // the file may have been mended since
            lines.add(line);
          }
        }
      }
    }
    return lines;
  }

  private static byte[] read(FileChannel file, long from, int length) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(length);
    while (bytes.hasRemaining() && file.read(bytes, from + bytes.position()) >= 0) {
      // goes on
    }
    return bytes.array();
  }

  /** The lines of a file as bytes. */
  private static final class Lines implements AutoCloseable {
    private final InputStream in;
    private final byte[] buffer = new byte[1 << 16];
    private int begin;
    private int end;
    private long at;

    Lines(Path file) throws IOException {
      in = Files.newInputStream(file);
    }

    /** Where the next line begins. */
    long at() {
      return at;
    }

    byte[] next() throws IOException {
      ByteArrayOutputStream line = null;
      while (true) {
        for (int i = begin; i < end; i++) {
          if (buffer[i] == '\n') {
            byte[] part = Arrays.copyOfRange(buffer, begin, i);
            at += i + 1 - begin;
            begin = i + 1;
            if (line == null) {
              return part;
            }
            line.writeBytes(part);
            return line.toByteArray();
          }
        }
        if (end > begin) {
          line = line == null ? new ByteArrayOutputStream() : line;
          line.write(buffer, begin, end - begin);
          at += end - begin;
        }
        begin = 0;
        end = in.read(buffer);
        if (end < 0) {
          end = 0;
          return line == null ? null : line.toByteArray();
        }
      }
    }

    @Override
    public void close() throws IOException {
      in.close();
    }
  }
}
