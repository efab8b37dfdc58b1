// Package launchertest is what every launcher must pass: a test calls [Suite]
// with the launcher it makes, and its test binary plays the launched program by
// [Run].
package launchertest
