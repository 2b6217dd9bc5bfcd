package main

import "sync/atomic"

// crowd knows which requests were in flight together.
type crowd struct {
	arrivals atomic.Int64
	inFlight atomic.Int64
}

// visit is one request's time in flight, from its headers to its answer.
type visit struct {
	crowd   *crowd
	arrival int64
	joined  bool // others were there already
}

func (c *crowd) enter() visit {
	return visit{crowd: c, arrival: c.arrivals.Add(1), joined: c.inFlight.Add(1) > 1}
}

func (v visit) leave() { v.crowd.inFlight.Add(-1) }

// shared reports whether another request has been in flight at any moment of the visit so far.
func (v visit) shared() bool { return v.joined || v.crowd.arrivals.Load() > v.arrival }
