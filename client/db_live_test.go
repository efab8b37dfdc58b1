package client_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/client"
	"muster/controller"
	"muster/engine"
	"muster/wire"
)

// The hub's records, wherever they are kept.
func TestGoRecords(t *testing.T) {
	for _, db := range []controller.DB{controller.Memory, controller.SQLite, controller.None} {
		t.Run(string(db), func(t *testing.T) {
			profile := wire.Profile{Dir: t.TempDir()}
			stop, err := startCluster(controller.Config{Profile: profile, DB: db}, 2)
			check(t, err)
			defer stop()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			var clients [2]*client.Client
			for i := range clients {
				clients[i], err = client.Connect(ctx, client.WithProfileDir(profile.Dir))
				check(t, err)
				defer clients[i].Close()
				check(t, clients[i].WaitForEngines(ctx, 2))
			}
			if db == controller.None {
				noRecords(t, ctx, clients[0])
			} else {
				records(t, ctx, clients[0], clients[1])
			}
		})
	}
}

// hubError fails the test unless an error is an engine's or the hub's of
// that name, with a text in it.
func hubError(t *testing.T, err error, name, text string) {
	t.Helper()
	var remote *client.RemoteError
	if !errors.As(err, &remote) || remote.Name != name || !strings.Contains(remote.Message, text) {
		t.Errorf("%v, want a %s with %q", err, name, text)
	}
}

func noRecords(t *testing.T, ctx context.Context, c *client.Client) {
	_, err := c.Direct(client.All).Apply(ctx, square, 3.0)
	check(t, err)
	_, err = c.DBQuery(ctx, nil)
	hubError(t, err, "NoData", "keeps no records")
	_, err = c.HubHistory(ctx)
	hubError(t, err, "NoData", "keeps no records")
}

func records(t *testing.T, ctx context.Context, c, other *client.Client) {
	begin := time.Now().Add(-time.Minute)
	lbv := c.LoadBalanced().With(client.Label("heat"))
	ar := lbv.ApplyAsync(square, 3.0)
	_, err := ar.Get(ctx)
	check(t, err)
	task := ar.Metadata()[0]
	want(t, task.Label, "heat")
	direct, err := c.Direct(client.All).With(client.Label("cold")).Execute(ctx, `fmt.Println("hello"); 6 * 7`)
	check(t, err)
	shared := c.Broadcast(client.All).ApplyAsync(square, 2.0)
	_, err = shared.Get(ctx)
	check(t, err)

	all := append([]wire.MsgID{task.MsgID, direct[0].MsgID, direct[1].MsgID}, shared.Metadata()[0].MsgID, shared.Metadata()[1].MsgID)
	history, err := other.HubHistory(ctx)
	check(t, err)
	want(t, fmt.Sprint(history[:3]), fmt.Sprint(all[:3]))
	want(t, len(history), 5)

	found, err := other.DBQuery(ctx, map[string]any{"label": "heat", "submitted": map[string]any{"$gte": begin, "$lt": time.Now().Add(time.Minute)}}, "label", "queue", "completed", "result_buffers", "header")
	check(t, err)
	if len(found) != 1 || found[0].MsgID != task.MsgID || found[0].Label != "heat" || found[0].Queue != "task" ||
		found[0].Completed.IsZero() || len(found[0].ResultBuffers) != 1 || found[0].Header.MsgType != wire.ApplyRequest {
		t.Errorf("%+v", found)
	}
	found, err = other.DBQuery(ctx, map[string]any{"label": map[string]any{"$glob": "c*"}})
	check(t, err)
	if len(found) != 2 || found[0].ExecuteResult.Data["text/plain"] != "42" || found[0].Stdout != "hello\n" || found[0].Buffers != nil {
		t.Errorf("%+v", found)
	}
	found, err = other.DBQuery(ctx, map[string]any{"queue": "broadcast"}, "engine_uuid", "buffers")
	check(t, err)
	if len(found) != 2 || len(found[0].Buffers) == 0 || found[0].EngineUUID == found[1].EngineUUID {
		t.Errorf("%+v", found)
	}
	_, err = c.DBQuery(ctx, map[string]any{"queue": map[string]any{"$like": "t"}})
	hubError(t, err, "ValueError", `unknown operator "$like" of "queue"`)
	_, err = c.DBQuery(ctx, map[string]any{"completed": 5})
	hubError(t, err, "ValueError", `"completed": 5 is no date`)
	_, err = c.DBQuery(ctx, nil, "colour")
	hubError(t, err, "KeyError", "no field colour")

	_, err = c.LoadBalanced().With(client.Label(strings.Repeat("x", 30<<20))).Apply(ctx, square, 1.0)
	check(t, err)
	_, err = c.DBQuery(ctx, nil)
	hubError(t, err, "ValueError", "a message holds 64: ask for fewer records")

	// Another client's results, and once more.
	got, err := other.GetResult(ctx, task.MsgID, direct[1].MsgID)
	check(t, err)
	want(t, got[0].Value, 9.0)
	want(t, got[0].Label, "heat")
	want(t, got[1].Stdout, "hello\n")
	again, err := other.Resubmit(ctx, task.MsgID, direct[0].MsgID)
	check(t, err)
	got, err = other.GetResult(ctx, again...)
	check(t, err)
	want(t, got[0].Value, 9.0)
	want(t, got[1].Text(), "42")
	found, err = c.DBQuery(ctx, map[string]any{"resubmitted": again[0]}, "resubmitted")
	check(t, err)
	if len(found) != 1 || found[0].MsgID != task.MsgID {
		t.Errorf("%+v", found)
	}
	_, err = c.Resubmit(ctx, "nobody's")
	hubError(t, err, "KeyError", "No such msg(s): nobody's")

	// Forgetting: nothing that is not done, one, those of an engine, all.
	held := c.Direct(client.Engines(0)).ExecuteAsync(`time.Sleep(time.Hour)`)
	for { // until the hub knows
		status, err := c.QueueStatus(ctx, client.Engines(0))
		check(t, err)
		if status.Engines[0].Queue == 1 {
			break
		}
	}
	outstanding := held.Metadata()[0].MsgID
	for _, purge := range []func() error{
		func() error { return c.Purge(ctx, outstanding) }, func() error { return c.PurgeLocal(outstanding) },
	} {
		if err := purge(); err == nil || !strings.Contains(err.Error(), "is not done") {
			t.Errorf("a request that is not done was purged: %v", err)
		}
	}
	hubError(t, other.Purge(ctx, outstanding), "IndexError", "msg pending")
	_, err = held.Cancel(ctx)
	check(t, err)
	check(t, c.PurgeLocal(task.MsgID))
	got, err = c.GetResult(ctx, task.MsgID) // from the hub
	check(t, err)
	want(t, got[0].Value, 9.0)
	check(t, c.Purge(ctx, task.MsgID))
	_, err = c.GetResult(ctx, task.MsgID)
	hubError(t, err, "KeyError", "No such message: "+string(task.MsgID))
	check(t, c.PurgeEngines(ctx, client.Engines(0)))
	history, err = c.HubHistory(ctx)
	check(t, err)
	if slices.Contains(history, direct[0].MsgID) || !slices.Contains(history, direct[1].MsgID) {
		t.Errorf("after what engine 0 has done is purged: %q", history)
	}
	check(t, c.PurgeEverything(ctx))
	history, err = c.HubHistory(ctx)
	check(t, err)
	want(t, len(history)+len(c.History()), 0)
	if err := c.Purge(ctx); err == nil {
		t.Error("a purge of nothing is no error")
	}
}

// With SQLite results outlive the controller.
func TestGoRecordsStay(t *testing.T) {
	profile := wire.Profile{Dir: t.TempDir()}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	run := func(f func(c *client.Client)) {
		stop, err := startCluster(controller.Config{Profile: profile, DB: controller.SQLite}, 1)
		check(t, err)
		defer stop()
		c, err := client.Connect(ctx, client.WithProfileDir(profile.Dir))
		check(t, err)
		defer c.Close()
		check(t, c.WaitForEngines(ctx, 1))
		f(c)
	}
	var done, lost wire.MsgID
	run(func(c *client.Client) {
		rs, err := c.Direct(client.All).Execute(ctx, "40 + 2")
		check(t, err)
		done = rs[0].MsgID
		lost = c.LoadBalanced().ApplyAsync(forever).Metadata()[0].MsgID
		for {
			status, err := c.QueueStatus(ctx, client.All)
			check(t, err)
			if status.Engines[0].Tasks == 1 {
				break
			}
		}
	})
	run(func(c *client.Client) {
		rs, err := c.GetResult(ctx, done)
		check(t, err)
		want(t, rs[0].Text(), "42")
		_, err = c.GetResult(ctx, lost)
		hubError(t, err, "KeyError", "its controller ended before it was answered")
	})
}

// forever ends with its engine.
var forever = engine.Func("db.forever", func(ctx context.Context) error {
	<-ctx.Done()
	return context.Cause(ctx)
})
