package main

import "time"

// compute does a fixed amount of arithmetic, which takes about d on a core that nobody else uses:
// a chain of multiply-and-add, 4 cycles a link, at 3 GHz. It counts links and never looks at a
// clock, so that a busy neighbour slows it as it slows a real model.
func compute(d time.Duration) uint64 {
	chain := uint64(1)
	for links := int64(d) * 3 / 4; links > 0; links-- {
		chain = chain*6364136223846793005 + 1442695040888963407
	}
	return chain
}
