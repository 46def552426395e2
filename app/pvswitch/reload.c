/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The configuration file again, while the switch runs: ports that it no longer names go, new ones
 * come, others change; guests' ports get what it says of them now. Settings of the switch itself
 * (section [switch]) are those of the start.
 */
#include <errno.h>
#include <string.h>

#include <pvn_compat.h>

#include "view.h"

static const struct pvs_section *
find_section(const struct pvs_options *options, const char *name)
{
	for (uint32_t i = 0; i < options->ports; i++)
		if (strcmp(options->port[i].name, name) == 0)
			return &options->port[i];
	return NULL;
}

/* Whether a port can take new settings, or has to be made anew. */
static bool
same_device(const struct pvs_settings *a, const struct pvs_settings *b)
{
	return strcmp(a->device, b->device) == 0 && a->queues == b->queues && a->mtu == b->mtu;
}

static void
tell(const char *name, const char *why)
{
	PVS_LOG(ERR, "reload, port %s: %s", name, why);
}

static int
remove_ports(struct pvs *sw, const struct pvs_options *fresh)
{
	char why[PVS_WHY_MAX];
	int failed = 0;

	for (uint32_t i = 0; i < PVS_PORTS_MAX; i++) {
		struct pvs_port *port = &sw->port[i];
		const struct pvs_section *section;

		if (!pvs_port_is_ours(port) || find_section(&sw->options, port->name) == NULL)
			continue; /* added by hand, stays */
		section = find_section(fresh, port->name);
		if (section != NULL && same_device(&section->set, &port->set))
			continue;
		if (pvs_port_remove(sw, port->name, why) == 0)
			continue;
		tell(port->name, why);
		failed++;
	}
	return failed;
}

static int
add_ports(struct pvs *sw, const struct pvs_options *fresh)
{
	char why[PVS_WHY_MAX];
	int failed = 0;

	for (uint32_t i = 0; i < fresh->ports; i++) {
		const struct pvs_section *section = &fresh->port[i];
		int ret = pvs_port_find(sw, section->name) == NULL
				  ? pvs_port_add(sw, section->name, &section->set, why)
				  : pvs_port_set(sw, section->name, &section->set, why);

		if (ret == 0)
			continue;
		tell(section->name, why);
		failed++;
	}
	return failed;
}

/* Puts what the file says of ports and guests in the place of what it said. */
static void
take_sections(struct pvs_options *options, struct pvs_options *fresh)
{
	struct pvs_options old = *options;

	options->guests = fresh->guests;
	options->port = fresh->port;
	options->ports = fresh->ports;
	options->guest = fresh->guest;
	options->guests_named = fresh->guests_named;
	fresh->port = old.port;
	fresh->ports = old.ports;
	fresh->guest = old.guest;
	fresh->guests_named = old.guests_named;
}

int
pvs_reload(struct pvs *sw, char *why)
{
	struct pvs_options fresh = {0};
	int failed, ret = pvs_options_reread(&sw->options, &fresh, why);

	if (ret < 0)
		return ret;
	failed = remove_ports(sw, &fresh);
	take_sections(&sw->options, &fresh);
	failed += add_ports(sw, &sw->options);
	pvs_guests_set(sw);
	pvs_options_free(&fresh);
	PVS_LOG(NOTICE, "configuration read again, %d ports failed", failed);
	if (failed == 0)
		return 0;
	snprintf(why, PVS_WHY_MAX, "%d ports could not be changed: the log says which and why",
		 failed);
	return -EIO;
}
