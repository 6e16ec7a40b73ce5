package dev.sphere.trainer.data;

import dev.sphere.trainer.data.Packing.Sharing;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Lays examples out as packed trees. Examples of one tree form a cluster, clusters of about equal size share a
 * micro-batch, and within it they are dealt to groups so that the padded and attention-weighted cost is least. The result
 * depends on the examples and the settings only.
 */
public final class TreePacker {
  private final Packing packing;

  public TreePacker(Packing packing) {
    this.packing = packing;
  }

  /** Some examples that stay together, as one piece or (without sharing) one piece a sequence. */
  private record Cluster(List<Integer> examples, int[] pieces) {
    int largest() {
      return Arrays.stream(pieces).max().orElseThrow();
    }
  }

  /** A piece: an example's sequences, or one of them ({@code sequence} >= 0), or a whole cluster's. */
  private record Piece(List<Integer> examples, int sequence, int size) {}

  /** All examples in micro-batches of at most {@code fillTokens} slots, larger trees and examples alone. */
  public List<MicroBatch> pack(List<? extends Example> examples) {
    List<Cluster> clusters = clusters(examples);
    clusters.sort(Comparator.comparingInt(Cluster::largest).reversed());
    List<MicroBatch> batches = new ArrayList<>();
    List<Piece> open = new ArrayList<>();
    for (Cluster c : clusters) {
      List<Piece> wider = new ArrayList<>(open);
      wider.addAll(pieces(c));
      if (!open.isEmpty() && slots(deal(wider)) > packing.fillTokens()) {
        batches.add(layOut(examples, deal(open)));
        wider = pieces(c);
      }
      open = wider;
    }
    if (!open.isEmpty()) {
      batches.add(layOut(examples, deal(open)));
    }
    return batches;
  }

  private List<Cluster> clusters(List<? extends Example> examples) {
    List<Cluster> clusters = new ArrayList<>();
    if (packing.sharing() != Sharing.TREE) {
      for (int i = 0; i < examples.size(); i++) {
        clusters.add(cluster(examples, List.of(i)));
      }
      return clusters;
    }
    Map<String, List<Integer>> byTree = new LinkedHashMap<>();
    for (int i = 0; i < examples.size(); i++) {
      byTree.computeIfAbsent(examples.get(i).tree(), t -> new ArrayList<>()).add(i);
    }
    for (List<Integer> tree : byTree.values()) {
      splitTree(examples, tree, clusters);
    }
    return clusters;
  }

  /** A tree that is larger than a micro-batch is cut between examples. */
  private void splitTree(List<? extends Example> examples, List<Integer> tree, List<Cluster> clusters) {
    List<Integer> part = new ArrayList<>();
    TokenTrie trie = new TokenTrie();
    for (int i : tree) {
      addAll(trie, examples.get(i), -1);
      if (trie.innerNodes() > packing.microBatchTokens() && !part.isEmpty()) {
        clusters.add(cluster(examples, part));
        part = new ArrayList<>();
        trie = new TokenTrie();
        addAll(trie, examples.get(i), -1);
      }
      part.add(i);
    }
    clusters.add(cluster(examples, part));
  }

  private Cluster cluster(List<? extends Example> examples, List<Integer> members) {
    if (packing.sharing() == Sharing.NONE) {
      int[] sizes = examples.get(members.getFirst()).sequences().stream().mapToInt(s -> s.length() - 1).toArray();
      return new Cluster(members, sizes);
    }
    TokenTrie trie = new TokenTrie();
    for (int i : members) {
      addAll(trie, examples.get(i), -1);
    }
    return new Cluster(members, new int[] {trie.innerNodes()});
  }

  private static void addAll(TokenTrie trie, Example example, int root) {
    for (TrainingSequence s : example.sequences()) {
      trie.add(s.tokens(), root);
    }
  }

  private List<Piece> pieces(Cluster c) {
    List<Piece> pieces = new ArrayList<>();
    for (int k = 0; k < c.pieces.length; k++) {
      pieces.add(new Piece(c.examples, packing.sharing() == Sharing.NONE ? k : -1, c.pieces[k]));
    }
    return pieces;
  }

  /** Deals pieces to groups; of all numbers of groups tried the cheapest, the larger number among equals. */
  private List<List<Piece>> deal(List<Piece> pieces) {
    List<Piece> sorted = new ArrayList<>(pieces);
    sorted.sort(Comparator.comparingInt(Piece::size).reversed());
    int best = sorted.size();
    double bestCost = Double.POSITIVE_INFINITY;
    for (int groups = sorted.size(); groups >= 1; groups = Math.min(groups - 1, (int) (groups / 1.15))) {
      double longest = Arrays.stream(loads(sorted, groups, null)).max().orElseThrow();
      double cost = groups * longest * (1 + longest / packing.attentionTokens());
      if (cost < bestCost) {
        best = groups;
        bestCost = cost;
      }
    }
    List<List<Piece>> dealt = new ArrayList<>();
    for (int g = 0; g < best; g++) {
      dealt.add(new ArrayList<>());
    }
    loads(sorted, best, dealt);
    return dealt;
  }

  /** Each piece, longest first, to the group with the least in it. */
  private static int[] loads(List<Piece> sorted, int groups, List<List<Piece>> dealt) {
    int[] loads = new int[groups];
    for (Piece p : sorted) {
      int least = 0;
      for (int g = 1; g < groups; g++) {
        if (loads[g] < loads[least]) {
          least = g;
        }
      }
      loads[least] += p.size;
      if (dealt != null) {
        dealt.get(least).add(p);
      }
    }
    return loads;
  }

  private static long slots(List<List<Piece>> groups) {
    int longest = 0;
    for (List<Piece> g : groups) {
      longest = Math.max(longest, g.stream().mapToInt(Piece::size).sum());
    }
    return (long) longest * groups.size();
  }

  private MicroBatch layOut(List<? extends Example> examples, List<List<Piece>> groups) {
    PackedLayout layout = new PackedLayout();
    for (List<Piece> group : groups) {
      layout.openGroup();
      for (Piece p : group) {
        for (int i : p.examples) {
          // One root for all of a group, one for each example, or one for each sequence.
          int root = packing.sharing() == Sharing.TREE ? -1 : layout.freshRoot();
          List<TrainingSequence> sequences = examples.get(i).sequences();
          for (int k = 0; k < sequences.size(); k++) {
            if (p.sequence < 0 || p.sequence == k) {
              layout.add(i, k, sequences.size(), sequences.get(k), root);
            }
          }
        }
      }
    }
    return layout.finish();
  }
}
