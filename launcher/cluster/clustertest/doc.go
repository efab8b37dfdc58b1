// Package clustertest plays the programs of a cluster, for tests of what
// starts clusters: a controller that writes connection files and engines that
// can be counted, none of which says a word to the other.
package clustertest
