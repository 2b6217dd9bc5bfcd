package main

// trigger says which inference requests a fault touches.
type trigger struct {
	after int64 // so many are answered well first
	every int64 // then the fault touches each k-th
	limit int64 // and only so many in all; 0: no end
}

// touches reports whether the n-th inference request, counted from 1, is touched.
func (t trigger) touches(n int64) bool {
	past := n - t.after
	if past < 1 || past%t.every != 0 {
		return false
	}
	return t.limit == 0 || past/t.every <= t.limit
}
