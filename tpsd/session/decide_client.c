/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DECIDE for client inspection: by source, by name, by the signing certificate's state. What is not
 * decrypted never becomes a session (docs/internals/client.md). The order is that of the
 * requirements, section H.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "tpsd/session/session_priv.h"

void outbound_init(const struct host *h, struct outbound *out, const struct setup *setup,
                   const struct policy_match *match, const struct clienthello *hello)
{
	*out = (struct outbound){.policy = match->request.client, .source = match->source};
	if (hello)
		outbound_read(h, out, setup, hello);
}

void outbound_read(const struct host *h, struct outbound *out, const struct setup *setup,
                   const struct clienthello *hello)
{
	tls_offer_read(hello, &out->offer);
	if (hello->sni.len > 0 && out->source != POLICY_SOURCE_ALWAYS)
		decryption_judge(setup_policy_decryption(setup, out->policy),
		                 (const char *)hello->sni.data, hello->sni.len,
		                 !h->unlicensed.categories, &out->domain);
}

enum reason outbound_reason(const struct outbound *out)
{
	return out->domain.kind == DOMAIN_CATEGORY ? REASON_CATEGORY : REASON_DOMAIN;
}

/* R26, R168: whether the client's word is enough. Otherwise the server's certificate decides. */
static bool is_believed(const struct outbound *out)
{
	const struct config_decryption_policy *d = out->policy->decryption_policy;

	return d && d->decide_by == CONFIG_DECIDE_SNI;
}

/* R153, said when it begins and when it ends. */
static bool can_sign(struct host *h, const struct setup_proxy *proxy)
{
	bool can = setup_find_issuer(proxy, clock_wall_s()) != NULL;

	if (!can && !h->signing_lost)
		log_critical("client proxy %s: its signing certificate is expired, not yet valid, "
		             "or the clock is wrong. Action: %s",
		             proxy->config->name,
		             proxy->client->on_signing_certificate == CONFIG_BLOCK ? "Block"
		                                                                   : "Bypass");
	else if (can && h->signing_lost)
		log_info("client proxy %s: its signing certificate can be used again",
		         proxy->config->name);
	h->signing_lost = !can;
	return can;
}

bool outbound_decide(struct host *h, const struct setup_proxy *proxy, const struct outbound *out,
                     struct decision *ret)
{
	if (domain_is_excepted(&out->domain) && is_believed(out)) {
		*ret = (struct decision){.action = IPC_FORWARD,
		                         .reason = outbound_reason(out),
		                         .alert = TLS_NO_ALERT};
		return true;
	}
	if (can_sign(h, proxy))
		return false;
	*ret = (struct decision){
	        .action = IPC_FORWARD, .reason = REASON_SIGNING_CERTIFICATE, .alert = TLS_NO_ALERT};
	if (proxy->client->on_signing_certificate == CONFIG_BLOCK) {
		ret->action = IPC_DROP;
		ret->reset = IPC_RESET_BOTH;
	}
	return true;
}

int outbound_create(struct session *s, const struct outbound *from)
{
	s->out = malloc(sizeof(*s->out));
	if (!s->out)
		return SL_ENOMEM;
	*s->out = *from;
	return 0;
}

void outbound_destroy(struct session *s)
{
	struct outbound *out = s->out;

	if (!out)
		return;
	if (out->asked && !out->answered)
		key_cancel(s->host->keys, &out->request);
	pki_template_fini(&out->forge.template);
	resume_leaf_put(out->server_leaf);
	leaf_put(out->leaf);
	free(out);
	s->out = NULL;
}
