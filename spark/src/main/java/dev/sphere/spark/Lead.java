package dev.sphere.spark;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.LinkedHashMap;

/**
 * What an executor must know of the run.
 *
 * @param id of this cluster: an executor that served another one opens its models anew
 * @param command the search's command line
 * @param identity what the run is made from
 */
record Lead(String id, ArrayList<String> command, LinkedHashMap<String, String> identity) implements Serializable {}
