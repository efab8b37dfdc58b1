package client

import (
	"context"
	"encoding/json"
	"fmt"

	"muster/wire"
)

// A Record is what the hub keeps of one request to one engine (protocol section
// 8). What DBQuery was not asked for is zero, and so is what is not known:
// Completed, say, while the task is not done.
type Record struct {
	MsgID       wire.MsgID      `json:"msg_id"`
	Queue       string          `json:"queue"`       // "mux", "broadcast" or "task": the way that it went
	ClientUUID  string          `json:"client_uuid"` // of the session of the client that asked
	EngineUUID  wire.EngineUUID `json:"engine_uuid"`
	Label       string          `json:"-"`           // given by the setting Label
	Resubmitted wire.MsgID      `json:"resubmitted"` // its id when it was submitted once more

	Header   wire.Header     `json:"header"`
	Metadata json.RawMessage `json:"metadata"`
	Content  json.RawMessage `json:"content"`
	Buffers  [][]byte        `json:"-"` // key "buffers"

	Submitted wire.Time `json:"submitted"` // by the client's clock
	Started   wire.Time `json:"started"`   // by the engine's
	Completed wire.Time `json:"completed"` // by the engine's
	Received  wire.Time `json:"received"`  // the answer, by the controller's

	ResultHeader   wire.Header     `json:"result_header"`
	ResultMetadata json.RawMessage `json:"result_metadata"`
	ResultContent  json.RawMessage `json:"result_content"`
	ResultBuffers  [][]byte        `json:"-"` // key "result_buffers"

	ExecuteInput  string      `json:"execute_input"`
	ExecuteResult *Display    `json:"execute_result"`
	Error         *wire.Error `json:"error"`
	Stdout        string      `json:"stdout"`
	Stderr        string      `json:"stderr"`
}

// DBQuery returns the records that the hub has of tasks of all clients, in the
// order in which the tasks came. The query names fields, as in the tags of
// Record, with the value that they have or with operators:
//
//	{"label": "heat", "completed": {"$gte": time.Now().Add(-time.Hour)}}
//
// All conditions must hold. The operators are $eq $ne $lt $lte $gt $gte, $in and
// $nin with a list, $all with a list for values that are lists, $mod with
// [divisor, remainder], $exists with true or false, and $glob with a pattern of
// * ? [a-z] [!a-z]. Dates are time.Time, or strings in ISO 8601; nil is what is
// not known. The keys are the fields that are wanted, by default all but
// "buffers" and "result_buffers"; MsgID always comes. A field or operator that
// there is not, or a value of another type than the field's, is a *RemoteError.
func (c *Client) DBQuery(ctx context.Context, query map[string]any, keys ...string) ([]Record, error) {
	records, err := c.records(ctx, query, keys)
	if err != nil {
		return nil, fmt.Errorf("client: query the database: %w", err)
	}
	return records, nil
}

// records asks the hub for records.
func (c *Client) records(ctx context.Context, query map[string]any, keys []string) ([]Record, error) {
	if query == nil {
		query = map[string]any{}
	}
	reply, err := c.ask(ctx, wire.DBRequest, map[string]any{"query": query, "keys": keys})
	if err != nil {
		return nil, err
	}
	var content struct {
		Records []*struct {
			Record
			Label any `json:"label"`
		} `json:"records"`
		BufferLens       []int `json:"buffer_lens"`
		ResultBufferLens []int `json:"result_buffer_lens"`
	}
	if err := json.Unmarshal(reply.Content, &content); err != nil {
		return nil, fmt.Errorf("%s: %w", reply.Header.MsgType, err)
	}
	records := make([]Record, len(content.Records))
	buffers := reply.Buffers
	take := func(i int, lens []int) ([][]byte, error) {
		if i >= len(lens) {
			return nil, nil
		}
		n := lens[i]
		if n < 0 || n > len(buffers) {
			return nil, fmt.Errorf("%s: record %d has %d of %d buffers", reply.Header.MsgType, i, n, len(buffers))
		}
		out := buffers[:n:n]
		buffers = buffers[n:]
		return out, nil
	}
	for i, r := range content.Records {
		if r == nil {
			return nil, fmt.Errorf("%s: record %d is null", reply.Header.MsgType, i)
		}
		records[i] = r.Record
		records[i].Label, _ = r.Label.(string) // Python's clients may send others
		if records[i].Buffers, err = take(i, content.BufferLens); err != nil {
			return nil, err
		}
		if records[i].ResultBuffers, err = take(i, content.ResultBufferLens); err != nil {
			return nil, err
		}
	}
	return records, nil
}

// HubHistory returns the ids of all requests that the hub has records of, of
// all clients, in the order in which these sent them.
func (c *Client) HubHistory(ctx context.Context) ([]wire.MsgID, error) {
	reply, err := c.ask(ctx, wire.HistoryRequest, nil)
	if err != nil {
		return nil, fmt.Errorf("client: hub history: %w", err)
	}
	var content struct {
		History []wire.MsgID `json:"history"`
	}
	if err := json.Unmarshal(reply.Content, &content); err != nil {
		return nil, fmt.Errorf("client: hub history: %s: %w", reply.Header.MsgType, err)
	}
	return content.History, nil
}
