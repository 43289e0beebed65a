/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests and their responses.
 */
#include "tse/proto/tx.h"

#include <string.h>

#include "tse/engine_priv.h"
#include "tse/proto/uri.h"

struct text {
	const uint8_t *data;
	size_t len;
};

static struct text clip(const uint8_t *data, size_t len, size_t max)
{
	return (struct text){data, SL_MIN(len, max)};
}

static struct text header_text(const struct http_head *h, enum http_header_id id, size_t max)
{
	const struct http_header *header = head_find(h, id);

	return header ? clip(header->value, header->value_len, max) : (struct text){NULL, 0};
}

/* What events tell of a request, kept with it. */
static struct http_tx *make_tx(struct tse_engine *e)
{
	const struct http_head *h = &e->head;
	struct tse_http_info *sizes = NULL;
	struct text method = clip(h->method, h->method_len, sizeof(sizes->method) - 1);
	struct text uri = clip(h->target, h->target_len, sizeof(sizes->uri) - 1);
	struct text agent = header_text(h, HTTP_H_USER_AGENT, sizeof(sizes->user_agent) - 1);
	struct text host = header_text(h, HTTP_H_HOST, sizeof(sizes->host) - 1);
	const struct http_header *upgrade = head_find(h, HTTP_H_UPGRADE);
	struct text all[4];
	struct http_tx *tx;
	char *to;
	size_t rest;
	size_t len;
	const uint8_t *authority = uri_authority(h->target, h->target_len, &len, &rest);

	if (len > 0)
		host = clip(authority, len, sizeof(sizes->host) - 1);
	tx = pool_get(&e->pool, sizeof(*tx) + method.len + host.len + uri.len + agent.len);
	if (!tx)
		return NULL;
	*tx = (struct http_tx){.id = e->flow->http.next_id++,
	                       .is_head = method.len == 4 && memcmp(method.data, "HEAD", 4) == 0,
	                       .is_connect =
	                               method.len == 7 && memcmp(method.data, "CONNECT", 7) == 0,
	                       .asks_upgrade = upgrade != NULL,
	                       .method_len = (uint16_t)method.len,
	                       .host_len = (uint16_t)host.len,
	                       .uri_len = (uint16_t)uri.len,
	                       .agent_len = (uint16_t)agent.len};
	all[0] = method;
	all[1] = host;
	all[2] = uri;
	all[3] = agent;
	to = tx->text;
	for (unsigned i = 0; i < SL_ARRAY_LEN(all); i++) {
		if (all[i].len > 0)
			memcpy(to, all[i].data, all[i].len);
		to += all[i].len;
	}
	return tx;
}

static bool begin_request(struct tse_engine *e, struct http_half *half)
{
	struct http_flow *flow = &e->flow->http;
	struct http_tx *tx;

	if (flow->count >= HTTP_PIPELINE_MAX && engine_report_anomaly(e, ANOMALY_PIPELINE_DEPTH))
		return false;
	tx = make_tx(e);
	if (!tx) {
		(void)engine_report_anomaly(e, ANOMALY_MEMORY);
		return false;
	}
	if (flow->last)
		flow->last->next = tx;
	else
		flow->first = tx;
	flow->last = tx;
	flow->count++;
	half->tx = tx;
	half->is_tunnel_head = tx->is_connect;
	return true;
}

static bool begin_response(struct tse_engine *e, struct http_half *half)
{
	unsigned status = e->head.status;
	struct http_tx *tx = flow_of_requests(e->flow)->http.first;

	half->tx = tx;
	half->is_tunnel_head = false;
	if (!tx)
		return e->flow->blind || !engine_report_anomaly(e, ANOMALY_RESPONSE_UNASKED);
	tx->status = (uint16_t)status;
	half->is_tunnel_head =
	        (tx->is_connect && status / 100 == 2) || (tx->asks_upgrade && status == 101);
	return true;
}

bool tx_begin_message(struct tse_engine *e, struct http_half *half)
{
	return e->dir == TSE_TO_SERVER ? begin_request(e, half) : begin_response(e, half);
}

static void drop_done(struct tse_engine *e, struct http_flow *flow)
{
	pool_put(&e->pool, flow->done);
	flow->done = NULL;
}

void tx_finish_message(struct tse_engine *e, struct http_half *half)
{
	struct tse_flow *requests = flow_of_requests(e->flow);
	struct http_flow *flow = &requests->http;
	struct http_tx *tx = half->tx;
	struct http_half *request = &requests->half[TSE_TO_SERVER].http;

	if (e->dir == TSE_TO_SERVER || !tx)
		return;
	half->tx = NULL;
	if (tx->status / 100 == 1 && tx->status != 101)
		return;
	/* a response may be complete while its request's body still comes: then the request keeps
	 * its transaction, which stays here until the next one is done */
	if (request->tx == tx && request->phase == HTTP_PHASE_HEAD)
		request->tx = NULL;
	drop_done(requests->engine, flow);
	flow->done = flow->first;
	flow->first = flow->first->next;
	if (!flow->first)
		flow->last = NULL;
	flow->done->next = NULL;
	flow->count--;
}

void tx_look(const struct tse_engine *e, struct http_awaited *ret)
{
	const struct tse_flow *requests = flow_of_requests(e->flow);
	const struct http_tx *oldest = requests->http.first;

	*ret = (struct http_awaited){.count = requests->http.count,
	                             .next_id = requests->http.next_id,
	                             .begun = oldest && oldest->status >= 200,
	                             .is_head = oldest && oldest->is_head,
	                             .in_body = requests->half[TSE_TO_SERVER].http.phase ==
	                                        HTTP_PHASE_BODY};
}

/* Its first line could be read: a peer that does not speak HTTP/1 has no use for an answer. */
static bool is_request(const struct tse_engine *e)
{
	const uint64_t unread = 1ULL << ANOMALY_NOT_HTTP | 1ULL << ANOMALY_HTTP_0_9 |
	                        1ULL << ANOMALY_HTTP2_PREFACE | 1ULL << ANOMALY_REQUEST_LINE |
	                        1ULL << ANOMALY_VERSION;

	return !(e->head.anomalies & unread);
}

/*
 * Nothing of the view that blocked has left. Of the requests in it only the first may be answered,
 * and only when no other one is waiting: an answer belongs to the oldest.
 */
bool tx_is_answerable(const struct tse_engine *e, bool *ret_head)
{
	const struct http_awaited *was = &e->awaited;
	const struct http_flow *http = &flow_of_requests(e->flow)->http;
	uint32_t made = http->next_id - was->next_id;

	*ret_head = was->is_head;
	if (e->flow->service != TSE_SERVICE_HTTP || http->tunnel)
		return false;
	if (e->dir == TSE_TO_CLIENT)
		return was->count > 0 && !was->begun;
	if (made == 0)
		return was->count == 1 && was->in_body && !was->begun;
	*ret_head = http->last && http->last->is_head;
	return made == 1 && was->count == 0 && is_request(e);
}

bool tx_expects_tunnel(const struct tse_engine *e)
{
	return e->dir == TSE_TO_SERVER && e->flow->http.last && e->flow->http.last->is_connect;
}

void tx_free_all(struct tse_engine *e, struct http_flow *flow)
{
	while (flow->first) {
		struct http_tx *tx = flow->first;

		flow->first = tx->next;
		pool_put(&e->pool, tx);
	}
	flow->last = NULL;
	drop_done(e, flow);
}

static void copy_text(char *to, size_t size, const char *from, size_t len)
{
	len = SL_MIN(len, size - 1);
	memcpy(to, from, len);
	to[len] = '\0';
}

bool tse_flow_http(const struct tse_flow *flow, struct tse_http_info *ret_info)
{
	const struct http_tx *tx = flow->half[flow->last_dir].http.tx;
	const struct http_flow *http = flow->requests ? &flow->requests->http : &flow->http;
	const char *at;

	if (!tx)
		tx = flow->last_dir == TSE_TO_SERVER && http->last ? http->last
		     : http->done                                  ? http->done
		                                                   : http->first;
	if (!tx)
		return false;
	at = tx->text;
	copy_text(ret_info->method, sizeof(ret_info->method), at, tx->method_len);
	at += tx->method_len;
	copy_text(ret_info->host, sizeof(ret_info->host), at, tx->host_len);
	at += tx->host_len;
	copy_text(ret_info->uri, sizeof(ret_info->uri), at, tx->uri_len);
	at += tx->uri_len;
	copy_text(ret_info->user_agent, sizeof(ret_info->user_agent), at, tx->agent_len);
	ret_info->status = tx->status;
	ret_info->transactions = http->next_id;
	return true;
}
