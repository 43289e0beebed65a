/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates' ends, from the files that the configuration names. */
#include "tpsd/report/expiry.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/conf/config.h"
#include "lib/pki/cert.h"
#include "tpsd/report/control.h"
#include "tpsd/report/show_config.h"

enum { LOOK_EVERY_S = 3600, DAY_S = 86400, NOTHING = -1 };

struct said {
	int step;          /* the last one said; NOTHING */
	time_t at;         /* when */
	int64_t not_after; /* of which certificate: a new one starts again */
};

struct expiry {
	struct control *control;
	struct loop_timer timer;
	struct said said[CONFIG_CERTIFICATES_MAX]; /* by place in the configuration */
};

static void say(const struct config_certificate *cert, const struct pki_validity *v)
{
	time_t end = (time_t)v->not_after;
	char when[32] = "";
	struct tm tm;

	if (gmtime_r(&end, &tm))
		(void)strftime(when, sizeof(when), "%Y-%m-%d %H:%M UTC", &tm);
	if (v->status == PKI_EXPIRED)
		log_error("certificate %s has expired on %s: strict clients refuse it; replace %s "
		          "with 'tps cert replace'",
		          cert->name, when, cert->certificate);
	else
		log_warning("certificate %s expires in %d days, on %s: replace %s in time",
		            cert->name, v->days_left, when, cert->certificate);
}

static bool validity_of(const struct config_certificate *cert, time_t now, struct pki_validity *ret)
{
	struct pki_chain *chain;
	struct pki_error err;
	bool ok;

	if (config_load_chain(cert, &chain, &err) != 0)
		return false; /* said when the configuration came into force */
	ok = pki_cert_validity(chain->leaf, (int64_t)now, ret) == 0;
	pki_chain_destroy(chain);
	return ok;
}

static void look_at(struct expiry *e, const struct config_certificate *cert)
{
	struct said *said = &e->said[cert->index];
	struct pki_validity v;
	time_t now = time(NULL);
	int step;

	if (!validity_of(cert, now, &v))
		return;
	if (v.not_after != said->not_after)
		*said = (struct said){.step = NOTHING, .not_after = v.not_after};
	step = pki_expiry_step(&v);
	if (step == NOTHING || (step == said->step && (step > 0 || now - said->at < DAY_S)))
		return;
	*said = (struct said){.step = step, .at = now, .not_after = v.not_after};
	say(cert, &v);
}

static void on_timer(struct loop_timer *timer)
{
	struct expiry *e =
	        (struct expiry *)(void *)((char *)timer - offsetof(struct expiry, timer));
	const struct config *config = e->control->config;

	for (size_t i = 0; config && i < config->certificates_count; i++)
		look_at(e, &config->certificates[i]);
	(void)loop_timer_set(timer->loop, timer, LOOK_EVERY_S * CLOCK_NS_PER_S, on_timer);
}

int expiry_open(struct control *control, struct expiry **ret_expiry)
{
	struct expiry *e = calloc(1, sizeof(*e));

	if (!e)
		return SL_ENOMEM;
	e->control = control;
	for (size_t i = 0; i < CONFIG_CERTIFICATES_MAX; i++)
		e->said[i].step = NOTHING;
	*ret_expiry = e;
	return 0;
}

void expiry_close(struct expiry *expiry)
{
	if (!expiry)
		return;
	loop_timer_cancel(&expiry->timer);
	free(expiry);
}

void expiry_configure(struct expiry *expiry, const struct config *config)
{
	(void)loop_timer_set(expiry->control->proc->loop, &expiry->timer, CLOCK_NS_PER_S, on_timer);
}
