namespace Datum.Providers.Resources;

/// <summary>Reasons of conditions: first those that upstream's controllers write, in their spelling, then ours.</summary>
public static class Reasons
{
    public const string Pending = "Pending";
    public const string Unknown = "Unknown";
    public const string Ready = "Ready";

    public const string NetworkNotFound = "NetworkNotFound";
    public const string NoAvailablePlacements = "NoAvailablePlacements";
    public const string AvailablePlacementFound = "AvailablePlacementFound";
    public const string NoAvailableDeployments = "NoAvailableDeployments";
    public const string AvailableDeploymentFound = "AvailableDeploymentFound";

    public const string NoLocations = "NoLocations";
    public const string NoCandidateLocations = "NoCandidateLocations";
    public const string LocationAssigned = "LocationAssigned";
    public const string ProvisioningNetwork = "ProvisioningNetwork";
    public const string ProvisioningInstances = "ProvisioningInstances";
    public const string StableInstanceFound = "StableInstanceFound";

    public const string SchedulingGatesPresent = "SchedulingGatesPresent";
    public const string PendingProgramming = "PendingProgramming";
    public const string ProgrammingInProgress = "ProgrammingInProgress";
    public const string Programmed = "Programmed";
    public const string NotProgrammed = "NotProgrammed";
    public const string NetworkFailedToCreate = "NetworkFailedToCreate";
    public const string Starting = "Starting";
    public const string Running = "Running";
    public const string Stopping = "Stopping";
    public const string Stopped = "Stopped";
    public const string Suspended = "Suspended";

    /// <summary>ScalingActive=True: the number of instances follows the metrics.</summary>
    public const string ValidMetricFound = "ValidMetricFound";
    /// <summary>ScalingActive=False: maxReplicas or metrics are set, and the annotation that acts on them isn't.</summary>
    public const string ScalingDisabled = "ScalingDisabled";
    /// <summary>ScalingActive=False: what the metrics ask for isn't known of every ready instance, or is old.</summary>
    public const string MetricsUnavailable = "MetricsUnavailable";

    public const string NetworkContextNotReady = "NetworkContextNotReady";
    public const string NetworkContextReady = "NetworkContextReady";
    public const string PrefixAllocated = "PrefixAllocated";
    public const string SubnetNotReady = "SubnetNotReady";
    public const string SubnetReady = "SubnetReady";

    // ExportPolicy, the first four as upstream.
    public const string SinksAccepted = "SinksAccepted";
    public const string SinksNotAccepted = "SinksNotAccepted";
    public const string SinkConfigured = "SinkConfigured";
    public const string InvalidAuthentication = "InvalidAuthentication";
    public const string InvalidSource = "InvalidSource";
    public const string InvalidEndpoint = "InvalidEndpoint";
    /// <summary>The installation has the export of telemetry switched off.</summary>
    public const string ExportDisabled = "ExportDisabled";
    public const string TooManySinks = "TooManySinks";
    /// <summary>Delivering=True.</summary>
    public const string Delivered = "Delivered";
    public const string NothingSentYet = "NothingSentYet";
    public const string CredentialsRefused = "CredentialsRefused";
    public const string ReceiverRefuses = "ReceiverRefuses";
    public const string ReceiverThrottles = "ReceiverThrottles";
    public const string ReceiverUnavailable = "ReceiverUnavailable";
    /// <summary>The endpoint's name leads to addresses that policies may not reach.</summary>
    public const string DestinationRefused = "DestinationRefused";

    public const string ImageUnavailable = "ImageUnavailable";
    public const string InstanceCrashing = "InstanceCrashing";
    public const string ConfigurationError = "ConfigurationError";

    /// <summary>NetworkContext of a platform that needs the range first: accepted, made with its first Subnet.</summary>
    public const string AwaitingRange = "AwaitingRange";
    /// <summary>No free prefix of the wanted length is left, or the Network's range overlaps another.</summary>
    public const string RangeUnavailable = "RangeUnavailable";
    public const string PlacementInUse = "PlacementInUse";
    public const string OwnerLost = "OwnerLost";
    public const string DriftNotConverging = "DriftNotConverging";
    public const string MarkMissing = "MarkMissing";
    public const string Copy = "Copy";
    public const string Ambiguous = "Ambiguous";
    public const string NeedsPerson = "NeedsPerson";
    public const string Shadowed = "Shadowed";
    public const string UnsupportedPlane = "UnsupportedPlane";
    /// <summary>The control plane of the entry's owner isn't worked on: nothing is done for the entry, what runs goes on.</summary>
    public const string PlaneNotEngaged = "PlaneNotEngaged";
    public const string UnsupportedFormat = "UnsupportedFormat";
    /// <summary>Event: the host's type can't read the object; it is left out.</summary>
    public const string Unreadable = "Unreadable";

    public const string Accepted = "Accepted";
    public const string InvalidLocation = "InvalidLocation";
    public const string DriverMissing = "DriverMissing";
    public const string DriverFaulted = "DriverFaulted";
    public const string ProviderConfigNotFound = "ProviderConfigNotFound";
    public const string ProviderConfigAmbiguous = "ProviderConfigAmbiguous";
    public const string NotAllowed = "NotAllowed";
    public const string InvalidConfig = "InvalidConfig";
    public const string CredentialsMissing = "CredentialsMissing";
    public const string ProbeFailed = "ProbeFailed";
    public const string ProbeSucceeded = "ProbeSucceeded";
    public const string AccountChanged = "AccountChanged";
    /// <summary>Too many objects of an account vanished in one round (L15).</summary>
    public const string MassAbsence = "MassAbsence";
    /// <summary>One change of config, driver or host would replace too many objects (L15).</summary>
    public const string BlastRadius = "BlastRadius";
    /// <summary>Held=False: nothing waits for a person any more.</summary>
    public const string NothingHeld = "NothingHeld";
    /// <summary>An object with our mark that the ledger has no entry for.</summary>
    public const string Orphan = "Orphan";
    /// <summary>An object of an earlier incarnation beside the current one.</summary>
    public const string EarlierLife = "EarlierLife";
    /// <summary>Event: the collector deleted such an object.</summary>
    public const string Collected = "Collected";
    /// <summary>The platform didn't answer several calls in a row: only probes are sent.</summary>
    public const string BreakerOpen = "BreakerOpen";
    public const string LocationNotReady = "LocationNotReady";
    public const string LocationNotFound = "LocationNotFound";

    public const string Creating = "Creating";
    public const string Updating = "Updating";
    public const string Replacing = "Replacing";
    public const string Deleting = "Deleting";
    public const string Waiting = "Waiting";
    public const string WaitingForDependency = "WaitingForDependency";
    /// <summary>The platform works longer than expected; no failure.</summary>
    public const string TakesLong = "TakesLong";
    public const string DependentsExist = "DependentsExist";
    public const string DeletionProtected = "DeletionProtected";
    public const string Refused = "Refused";
    public const string Absent = "Absent";
    public const string Observed = "Observed";
    public const string InSync = "InSync";
    public const string Drifted = "Drifted";
    /// <summary>The platform differs from the wish; by policy it is reported only.</summary>
    public const string DriftReported = "DriftReported";
    /// <summary>What is to be adopted belongs to somebody else, or lacks the mark that the policy asks for.</summary>
    public const string AdoptionRefused = "AdoptionRefused";
    /// <summary>Retain is asked for, and what stays behind would be deleted by the collector.</summary>
    public const string RetainRefused = "RetainRefused";
    /// <summary>The plane isn't the one that the installation is bound to; a person says what it is.</summary>
    public const string InstallationUnconfirmed = "InstallationUnconfirmed";
    /// <summary>Event: a person let go of an entry without a call to the platform.</summary>
    public const string Abandoned = "Abandoned";
    /// <summary>Event: a person said that an entry whose owner is lost isn't wanted any more.</summary>
    public const string ReleasedByPerson = "ReleasedByPerson";
    /// <summary>Event: a person said what came of a create whose answer was lost.</summary>
    public const string ConfirmedByPerson = "ConfirmedByPerson";
    public const string Paused = "Paused";
    public const string ObserveOnly = "ObserveOnly";

    // One for each error code of the driver contract.
    public const string Invalid = "Invalid";
    public const string Unsupported = "Unsupported";
    public const string Unauthenticated = "Unauthenticated";
    public const string Forbidden = "Forbidden";
    public const string QuotaExceeded = "QuotaExceeded";
    public const string CapacityUnavailable = "CapacityUnavailable";
    public const string Throttled = "Throttled";
    public const string Conflict = "Conflict";
    public const string PreconditionFailed = "PreconditionFailed";
    public const string NotReadyYet = "NotReadyYet";
    public const string Unavailable = "Unavailable";
    public const string Timeout = "Timeout";
    public const string Failed = "Failed";
    public const string Bug = "Bug";
}
