// Package clustertest makes a test binary the programs of a cluster, for tests
// of what starts clusters: the real controller and the real engine, which can be
// told to misbehave.
package clustertest
