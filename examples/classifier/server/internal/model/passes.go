//go:build !slow

package model

// passes is how often the network runs for one request.
const passes = 1
