package client

import "time"

// Elapsed is the time since the call was sent, until its last answer came.
func (ar *AsyncResult) Elapsed() time.Duration {
	if len(ar.tasks) == 0 {
		return 0
	}
	if ar.Ready() {
		return ar.WallTime()
	}
	return time.Since(ar.tasks[0].submitted)
}

// WallTime is the time from the sending of the call to the last answer that
// has come.
func (ar *AsyncResult) WallTime() time.Duration {
	if ar.client == nil {
		return 0
	}
	ar.client.mu.Lock()
	defer ar.client.mu.Unlock()
	var last time.Time
	for i := range ar.tasks {
		if t := &ar.tasks[i]; t.received.After(last) {
			last = t.received
		}
	}
	if last.IsZero() {
		return 0
	}
	return last.Sub(ar.tasks[0].submitted)
}

// SerialTime is how long the engines that have answered were at work, taken
// together and by their own clocks.
func (ar *AsyncResult) SerialTime() time.Duration {
	if ar.client == nil {
		return 0
	}
	ar.client.mu.Lock()
	defer ar.client.mu.Unlock()
	var sum time.Duration
	for i := range ar.tasks {
		if r := ar.tasks[i].describe(); !r.Started.IsZero() && !r.Completed.IsZero() {
			sum += r.Completed.Sub(r.Started)
		}
	}
	return sum
}

// Speedup is SerialTime over WallTime: how many engines' worth of work was done
// at a time. It is 0 before the first answer.
func (ar *AsyncResult) Speedup() float64 {
	wall := ar.WallTime()
	if wall <= 0 {
		return 0
	}
	return float64(ar.SerialTime()) / float64(wall)
}
