package dev.sphere.trainer.data;

import dev.sphere.trainer.data.Packing.Sharing;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Packs examples as trees. Examples of one tree form a cluster; clusters of about equal size share a micro-batch,
 * where they are dealt to groups so that padding and attention cost least. The result depends on examples and
 * settings only.
 */
public final class TreePacker {
  private final Packing packing;

  public TreePacker(Packing packing) {
    this.packing = packing;
  }

  /** Examples that stay together, with the sizes of their pieces: one, or without sharing one for each sequence. */
  private record Cluster(List<Integer> examples, int[] pieces) {
    int largest() {
      return Arrays.stream(pieces).max().orElseThrow();
    }
  }

  /** A cluster's sequences, or (from 0) the one sequence of its only example, that share a group. */
  private record Piece(List<Integer> examples, int sequence, int size) {}

  /** Packs examples into micro-batches of at most {@code fillTokens} slots; larger clusters are alone. */
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
    Map<String, List<Integer>> byTree = new LinkedHashMap<>();
    for (int i = 0; i < examples.size(); i++) {
      if (packing.sharing() == Sharing.TREE) {
        byTree.computeIfAbsent(examples.get(i).tree(), t -> new ArrayList<>()).add(i);
      } else {
        clusters.add(cluster(examples, List.of(i)));
      }
    }
    byTree.values().forEach(tree -> splitTree(examples, tree, clusters));
    return clusters;
  }

  /** Cuts a tree that is larger than a micro-batch between its examples. */
  private void splitTree(List<? extends Example> examples, List<Integer> tree, List<Cluster> clusters) {
    List<Integer> part = new ArrayList<>();
    TokenTrie trie = new TokenTrie();
    for (int i : tree) {
      addAll(trie, examples.get(i));
      if (trie.innerNodes() > packing.microBatchTokens() && !part.isEmpty()) {
        clusters.add(cluster(examples, part));
        part = new ArrayList<>();
        trie = new TokenTrie();
        addAll(trie, examples.get(i));
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
    members.forEach(i -> addAll(trie, examples.get(i)));
    return new Cluster(members, new int[] {trie.innerNodes()});
  }

  private static void addAll(TokenTrie trie, Example example) {
    example.sequences().forEach(s -> trie.add(s.tokens(), -1));
  }

  private List<Piece> pieces(Cluster c) {
    List<Piece> pieces = new ArrayList<>();
    for (int k = 0; k < c.pieces.length; k++) {
      pieces.add(new Piece(c.examples, packing.sharing() == Sharing.NONE ? k : -1, c.pieces[k]));
    }
    return pieces;
  }

  /** Deals pieces to the cheapest of the numbers of groups that are tried; of equally cheap ones to the largest. */
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

  /** Deals each piece, longest first, to the group with the least in it; returns the groups' sizes. */
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
          // Examples of a group share a root, or each example has its own.
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
