/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libpenstock: descriptions of live-streaming pipelines, in other applications. */
#pragma once

#include <penstock/api.h>
#include <penstock/binding.h>
#include <penstock/description.h>
#include <penstock/parameter.h>
#include <penstock/server.h>
