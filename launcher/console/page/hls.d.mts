// SPDX-License-Identifier: LGPL-2.1-or-later
// hls.mjs is hls.js' light build, which has no declarations of its own; see page.gresource.xml.
export { default, type HlsConfig } from 'hls.js';
