// SPDX-License-Identifier: LGPL-2.1-or-later
// Aliases of number, so that a type names its unit.

export type Seconds = number;
export type Milliseconds = number;
export type Microseconds = number;
/** Pixels of the frame or video in context; coordinates of left and upper edges are integers. */
export type Pixels = number;
