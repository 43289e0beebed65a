/* SPDX-License-Identifier: Apache-2.0 */
/* `control`'s own part of a COMMIT. */
#include "tpsd/report/inforce.h"

#include "lib/base/log.h"
#include "lib/conf/config.h"
#include "tpsd/report/control.h"
#include "tpsd/report/expiry.h"
#include "tpsd/report/journal.h"
#include "tpsd/report/metrics.h"
#include "tpsd/report/remote.h"

void inforce_set(struct control *control, struct config *config, uint32_t revision)
{
	struct config *before = control->config;

	control->config = config;
	control->revision = revision;
	journal_configure(control->journal, config);
	metrics_configure(control->metrics, config);
	expiry_configure(control->expiry, config);
	remote_in_force(control);
	config_put(before);
}
