package dev.sphere.trainer.data;

import dev.sphere.trainer.PackedBatch;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Builds a {@link MicroBatch} of sequences that were dealt to groups. */
final class PackedLayout {
  /** A sequence's nodes in its group's trie. */
  private record Placed(int example, int sequence, int group, int[] path, int promptLength) {}

  private final List<TokenTrie> tries = new ArrayList<>();
  private final List<Placed> placed = new ArrayList<>();
  private final Map<Integer, int[][]> byExample = new LinkedHashMap<>();
  private int roots = 1;
  private long tokens;
  private long plainSlots;

  void openGroup() {
    tries.add(new TokenTrie());
  }

  /** A root of its own; -1 is the root that sequences share. */
  int freshRoot() {
    return -1 - roots++;
  }

  void add(int example, int sequence, int ofSequences, TrainingSequence s, int root) {
    int[] path = tries.getLast().add(s.tokens(), root);
    placed.add(new Placed(example, sequence, tries.size() - 1, path, s.promptLength()));
    byExample.computeIfAbsent(example, e -> new int[ofSequences][]);
    tokens += s.length();
    plainSlots += s.length() - 1;
  }

  MicroBatch finish() {
    int groups = tries.size();
    int slots = Math.max(1, tries.stream().mapToInt(TokenTrie::innerNodes).max().orElseThrow());
    int[] slotTokens = new int[groups * slots];
    int[] positions = new int[groups * slots];
    int[] parents = new int[groups * slots];
    int[][] slotOf = new int[groups][];
    long used = 0;
    for (int g = 0; g < groups; g++) {
      slotOf[g] = fill(tries.get(g), g * slots, slots, slotTokens, positions, parents);
      used += tries.get(g).innerNodes();
    }
    // A completion token is a prediction: its parent's slot is the source, the token the target.
    Map<Long, Integer> predictions = new LinkedHashMap<>();
    List<int[]> sourceAndTarget = new ArrayList<>();
    for (Placed p : placed) {
      TokenTrie trie = tries.get(p.group);
      int[] index = new int[p.path.length - p.promptLength];
      for (int i = 0; i < index.length; i++) {
        int node = p.path[p.promptLength + i];
        Integer known = predictions.putIfAbsent((long) p.group << 32 | node, sourceAndTarget.size());
        index[i] = known == null ? sourceAndTarget.size() : known;
        if (known == null) {
          int source = p.group * slots + slotOf[p.group][trie.parent(node)];
          sourceAndTarget.add(new int[] {source, trie.token(node)});
        }
      }
      byExample.get(p.example)[p.sequence] = index;
    }
    int[] sources = sourceAndTarget.stream().mapToInt(a -> a[0]).toArray();
    int[] targets = sourceAndTarget.stream().mapToInt(a -> a[1]).toArray();
    return new MicroBatch(
        new PackedBatch(groups, slots, slotTokens, positions, parents, sources, targets),
        byExample.keySet().stream().mapToInt(Integer::intValue).toArray(),
        byExample.values().toArray(int[][][]::new),
        new PackingStats(tokens, plainSlots, used, (long) groups * slots, sources.length));
  }

  /** Gives each inner node a slot, in order of creation; returns the slot of each node, -1 for leaves. */
  private static int[] fill(TokenTrie trie, int base, int slots, int[] tokens, int[] positions, int[] parents) {
    int[] slotOf = new int[trie.size()];
    int next = 0;
    for (int node = 0; node < slotOf.length; node++) {
      if (!trie.isInner(node)) {
        slotOf[node] = -1;
        continue;
      }
      int parent = trie.parent(node);
      slotOf[node] = next;
      tokens[base + next] = trie.token(node);
      parents[base + next] = parent < 0 ? PackedBatch.ROOT : slotOf[parent];
      positions[base + next] = parent < 0 ? 0 : positions[base + slotOf[parent]] + 1;
      next++;
    }
    for (int s = next; s < slots; s++) {
      parents[base + s] = PackedBatch.UNUSED;
    }
    return slotOf;
  }
}
