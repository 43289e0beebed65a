/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The switches of fallback and stop. They are words in a pinned map, which `tps` can set with the
 * daemon dead; the eBPF side obeys at once, and here the rest of it is done. `tpsd: wire`.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "tpsd/flow/wire.h"

static uint32_t switch_get(const struct wire *w, enum wire_switch which)
{
	uint32_t key = which, value = 0;

	return bpf_map_lookup_elem(w->program.map.switches, &key, &value) ? 0 : value;
}

/* Flows that began in between were not seen: they pass for a while (R159). */
static void renew_grace(struct wire *w)
{
	struct wire_segment s;

	for (uint32_t i = 0; i < WIRE_SEGMENTS_MAX; i++) {
		if (!w->segments[i].open || bpf_map_lookup_elem(w->program.map.segments, &i, &s))
			continue;
		s.grace_until_ns = clock_now_ns() + s.grace_ns;
		if (bpf_map_update_elem(w->program.map.segments, &i, &s, BPF_ANY))
			log_warning("the grace time of a segment cannot be set: %s",
			            strerror(errno));
	}
}

void switch_look(struct wire *w)
{
	bool off = switch_get(w, WIRE_SWITCH_FALLBACK) || switch_get(w, WIRE_SWITCH_STOP);

	if (off == w->was_off)
		return;
	w->was_off = off;
	if (off) {
		flow_release_all(w, REASON_FALLBACK);
		log_critical("layer-2 fallback: new flows are forwarded uninspected");
		return;
	}
	/* What was let by may be taken back, where the segment says reclaim. */
	w->global.reclaim_epoch++;
	if (segment_write_global(w))
		log_warning("uninspected flows cannot be reclaimed: %s", strerror(errno));
	renew_grace(w);
	log_critical("inspection is back: new flows are inspected again");
}

int switch_set(struct wire *w, enum wire_switch which, bool on)
{
	uint32_t key = which, value = on;

	if (bpf_map_update_elem(w->program.map.switches, &key, &value, BPF_ANY))
		return SL_ESYS;
	switch_look(w);
	return 0;
}
