//go:build slow

package model

// passes is how often the network runs for one request. This is the build that the demonstration's
// gate must catch: the same answers, at three times the work.
const passes = 3
