/** The same wherever a member is named: configuration, API and archives. */
export const memberNamePattern = /^[a-z0-9][a-z0-9._-]{0,62}$/i
export const memberNameWanted = 'a name of up to 63 letters, digits, dots, dashes and underscores'

/** Of one epoch, voting or not. */
export const membersMax = 31
