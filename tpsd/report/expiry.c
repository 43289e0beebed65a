/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates' ends, from the files that the configuration names. */
#include "tpsd/report/expiry.h"

#include <openssl/x509.h>
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

enum { LOOK_EVERY_S = 3600, DAY_S = 86400, NOTHING = -1 };

struct said {
	int step;         /* the last one said; NOTHING */
	time_t at;        /* when */
	time_t not_after; /* of which certificate: a new one starts again */
};

struct expiry {
	struct control *control;
	struct loop_timer timer;
	struct said said[CONFIG_CERTIFICATES_MAX]; /* by place in the configuration */
};

int expiry_step(long long left_s)
{
	static const int days[] = {1, 7, 14, 30};

	if (left_s <= 0)
		return 0;
	for (size_t i = 0; i < SL_ARRAY_LEN(days); i++)
		if (left_s <= (long long)days[i] * DAY_S)
			return days[i];
	return NOTHING;
}

static void say(const struct config_certificate *cert, long long left_s, time_t not_after)
{
	char when[32] = "";
	struct tm tm;

	if (gmtime_r(&not_after, &tm))
		(void)strftime(when, sizeof(when), "%Y-%m-%d %H:%M UTC", &tm);
	if (left_s <= 0)
		log_error("certificate %s has expired on %s: sessions that need it fail on strict "
		          "clients; replace %s with 'tps cert replace'",
		          cert->name, when, cert->certificate);
	else
		log_warning("certificate %s expires in %lld days, on %s: replace %s in time",
		            cert->name, (left_s + DAY_S - 1) / DAY_S, when, cert->certificate);
}

static bool end_of(const struct config_certificate *cert, time_t *ret_not_after)
{
	const struct pki_files files = {.certificate = cert->certificate,
	                                .private_key = cert->private_key,
	                                .password_file = cert->password_file,
	                                .chain = cert->chain,
	                                .format = (enum pki_format)cert->format};
	struct pki_chain *chain;
	struct pki_error err;
	struct tm tm;
	bool ok;

	if (pki_chain_load(&files, &chain, &err) != 0)
		return false; /* said when the configuration came into force */
	ok = ASN1_TIME_to_tm(X509_get0_notAfter(chain->leaf), &tm) == 1;
	if (ok)
		*ret_not_after = timegm(&tm);
	pki_chain_destroy(chain);
	return ok;
}

static void look_at(struct expiry *e, const struct config_certificate *cert)
{
	struct said *said = &e->said[cert->index];
	time_t now = time(NULL), not_after;
	int step;

	if (!end_of(cert, &not_after))
		return;
	if (not_after != said->not_after)
		*said = (struct said){.step = NOTHING, .not_after = not_after};
	step = expiry_step((long long)not_after - (long long)now);
	if (step == NOTHING || (step == said->step && (step > 0 || now - said->at < DAY_S)))
		return;
	*said = (struct said){.step = step, .at = now, .not_after = not_after};
	say(cert, (long long)not_after - (long long)now, not_after);
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
