package dev.sphere.spark;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.LinkedHashMap;

/**
 * What an executor must know of the work.
 *
 * @param id of this crew: an executor that served another one opens its models anew
 * @param command the command line
 * @param identity what the results are made from
 */
record Lead(String id, ArrayList<String> command, LinkedHashMap<String, String> identity) implements Serializable {}
