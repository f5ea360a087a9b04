namespace Datum.Providers.Resources;

public static partial class Advice
{
    private const string Elsewhere = "[; or move {workload} to a Location that is ready: {alternatives}]";

    // A reason as plain text is one that conditions don't carry in this version: docs/reference/conditions.md lists those that they do.
    private static IEnumerable<AdviceRow> Rows() => [.. Well(), .. Wishes(), .. References(), .. Holds(), .. Places(), .. Accounts(), .. AtThePlatform(), .. Waits(), .. Exports(), .. OfTheTrace()];

    private static IEnumerable<AdviceRow> Well() => new[]
    {
        Reasons.Ready, Reasons.AvailablePlacementFound, Reasons.AvailableDeploymentFound, Reasons.StableInstanceFound, Reasons.Programmed, Reasons.Running,
        Reasons.AwaitingRange, Reasons.NetworkContextReady, Reasons.PrefixAllocated, Reasons.SubnetReady, Reasons.Accepted, Reasons.ProbeSucceeded, Reasons.NothingHeld, Reasons.Collected, Reasons.ValidMetricFound, "Observed", "InSync",
        // Events of what a person decided.
        "Abandoned", "ReleasedByPerson", "ConfirmedByPerson",
    }.Select(Fine);

    private static IEnumerable<AdviceRow> Wishes() =>
    [
        User(CauseOrder.Wish, Reasons.ConfigurationError, "Correct the field", "Correct {wish}: {field}"),
        User(CauseOrder.Wish, Reasons.ConfigurationError, "Correct the field", "Correct {object}: {field}", "Workload"),
        User(CauseOrder.Wish, Reasons.ConfigurationError, "Correct the field", "Correct {object}: {field}", "Subnet"),
        User(CauseOrder.Wish, Reasons.ConfigurationError, "Correct the field", "Correct command, arguments or mounts of container {container} in {workload}, field {containerField}[: {message}]", "Container"),
        User(CauseOrder.Wish, Reasons.ImageUnavailable, "Check the name, the registry, the pull secret",
            "Check the image {image} of container {container} in {workload}, field {imageField}: its name and tag, that its registry can be reached, and {pullSecret}", "Container"),
        User(CauseOrder.Wish, Reasons.ImageUnavailable, "Check the name, the registry, the pull secret",
            "Check the images of {wish}: names, registries, pull secrets[: {message}]"),
        User(CauseOrder.Wish, Reasons.InstanceCrashing, "Look at the container's log; it is started again with growing delays",
            "Look at the log of container {container} of {instance}[ ({message})] and correct the container in {workload}, field {containerField}; it is started again with growing delays", "Container"),
        User(CauseOrder.Wish, Reasons.InstanceCrashing, "Look at the container's log; it is started again with growing delays",
            "Look at the container's log of {object}[ ({message})]; it is started again with growing delays"),
        User(CauseOrder.Wish, Reasons.Invalid, "Correct the wish; nothing is tried before it changes", "Correct {wish}: the platform finds it not valid[: {platform}]. Nothing is tried before it changes"),
        User(CauseOrder.Wish, Reasons.Unsupported, "Change the wish, or use another Location", "Change {wish}, or use another Location[ ({alternatives})]: {field}"),
        User(CauseOrder.Wish, "Refused", "Change the wish, or use another Location", "Change {wish}, or use another Location[ ({alternatives})]: {field}"),
        User(CauseOrder.Wish, Reasons.RangeUnavailable, "Widen `spec.ipam` of the Network, or ask for another range",
            "Widen spec.ipam of {network}, or free ranges in it[: {message}]"),
        User(CauseOrder.Wish, Reasons.InvalidLocation, "Correct it", "Correct {location}: {message}"),
        User(CauseOrder.Wish, Reasons.Unreadable, "Correct it", "Correct {object}: {message}"),
        User(CauseOrder.Wish, Reasons.PlacementInUse, "Put the scope fields back, or move what stands there first", "Put the scope fields of {location} back, or move what stands there first[: {message}]"),
        Wait("Drifted", "Wait; it is corrected"),
    ];

    private static IEnumerable<AdviceRow> References() =>
    [
        User(CauseOrder.Reference, Reasons.NetworkNotFound, "Create the Network, or correct the name", "Create the Network, or correct its name in {workload} (field spec.template.spec.networkInterfaces): {message}"),
        User(CauseOrder.Reference, Reasons.NetworkNotFound, "Create the Network, or correct the name", "Create the {object}, or correct its name in {workload} (field spec.template.spec.networkInterfaces)", "Network"),
        User(CauseOrder.Reference, Reasons.NoLocations, "Create a Location", "Create a Location with the city code {city} in this namespace, or ask the platform operator for one", carried: true),
        User(CauseOrder.Reference, Reasons.NoCandidateLocations, "Correct the city code, or look at the Location",
            "Correct the city code {city} in {workload}, field {cityField}, or create a Location of that city[. Locations that are ready: {alternatives}]", carried: true),
        User(CauseOrder.Reference, Reasons.LocationNotFound, "Create it, or correct the name", "Create Location {locationName}, or correct its name in {object}"),
        User(CauseOrder.Reference, "LocationNotReady", "Look at the Location", "Look at {location}[: {message}]", carried: true),
        User(CauseOrder.Reference, Reasons.Conflict, "Rename, or remove the other", "Rename {object}, or remove the other of that name[: {message}]"),
        Operator(CauseOrder.Platform, Reasons.Conflict, "Rename, or remove the other", "remove what is in the way of {entry} at the platform ({driver})[: {platform}]", "ManagedResource"),
        User(CauseOrder.Reference, Reasons.NotReadyYet, "Create it, or wait", "Create what {object} needs, or wait for it[: {platform}]"),
    ];

    private static IEnumerable<AdviceRow> Holds() =>
    [
        User(CauseOrder.Hold, Reasons.SchedulingGatesPresent, "Wait; remove a gate that is yours", "Wait for who set the scheduling gates {gates} on {object}, or remove those that are yours (spec.controller.schedulingGates)"),
        Wait(Reasons.SchedulingGatesPresent, "Wait", "Nothing yet: {object} waits for its network", kind: NetworkGate),
        User(CauseOrder.Hold, Reasons.Paused, "Remove it when you are done", "Remove the annotation providers.datumapis.com/paused from {owner}[, or spec.management.paused from ProviderConfig {config}], when you are done"),
        User(CauseOrder.Hold, Reasons.ObserveOnly, "Remove it when you are done", "Remove the annotation providers.datumapis.com/observe-only (or plan) from {owner}[, or spec.management.observeOnly from ProviderConfig {config}]; or the host runs with --observe-only"),
        User(CauseOrder.Hold, Reasons.DeletionProtected, "Remove the annotation", "Remove the annotation providers.datumapis.com/deletion-protection from {owner}, if it may go"),
        User(CauseOrder.Hold, Reasons.DependentsExist, "Delete the users first", "Delete first what still uses {object}[: {message}]", carried: true),
        User(CauseOrder.Hold, Reasons.Suspended, "Remove the annotation `suspended`", "Remove the annotation compute.datumapis.com/suspended from {object} to start it again"),
        User(CauseOrder.Hold, Reasons.Stopped, "Look at the dmr's message", "Look why {object} doesn't run[: {message}]", carried: true),
    ];

    private static IEnumerable<AdviceRow> Places() =>
    [
        User(CauseOrder.Place, Reasons.Shadowed, "Delete one of the two", "Delete one of the two Locations named {locationName}: the one in networking.datumapis.com is used"),
        Operator(CauseOrder.Place, Reasons.DriverMissing, "Put it into the volume and restart; see driver-rejections", "put a working driver '{driver}' into the driver volume and restart the host[ ({message})]" + Elsewhere),
        Operator(CauseOrder.Place, DriverFaulted, "Look at the host's log; put a driver that works into the volume and restart", "put a driver '{driver}' that works into the driver volume and restart the host[: {message}]" + Elsewhere),
        Operator(CauseOrder.Place, Reasons.ProviderConfigNotFound, "Create one or widen `spec.locations`; restore the one that is gone",
            "create a ProviderConfig with driver '{driver}' for {location}, or to widen spec.locations of one" + Elsewhere),
        Operator(CauseOrder.Place, Reasons.ProviderConfigNotFound, "Create one or widen `spec.locations`; restore the one that is gone", "restore ProviderConfig {config}, which {object} was made with", "ManagedResource"),
        Operator(CauseOrder.Place, Reasons.ProviderConfigAmbiguous, "Narrow them until one is left", "narrow spec.locations until one ProviderConfig is left for {location}[: {message}]" + Elsewhere),
        Operator(CauseOrder.Place, Reasons.NotAllowed, "The platform operator adds it, or doesn't", "allow it in the ProviderConfig (spec.allowed)[: {message}]" + Elsewhere),
        Operator(CauseOrder.Place, Reasons.InvalidConfig, "Correct the ProviderConfig", "correct ProviderConfig {config}[: {message}]" + Elsewhere),
        Operator(CauseOrder.Place, "UnsupportedPlane", "Use a plane of an earlier era, install the missing kinds, or take the project out of the selector", "use a plane that the host supports[: {message}]"),
        Operator(CauseOrder.Place, Reasons.PlaneNotEngaged, "Bring the project back, or `datum-providers abandon --force`", "bring the project of {object} back, or to abandon the entry[: {message}]"),
        Operator(CauseOrder.Place, Reasons.UnsupportedFormat, "Run that version", "run the newer version of the host that wrote {object}"),
    ];

    private static IEnumerable<AdviceRow> Accounts() =>
    [
        Operator(CauseOrder.Account, Reasons.CredentialsMissing, "Correct it; it is tried again by itself", "complete the credentials of ProviderConfig {config}[: {message}]" + Elsewhere),
        Operator(CauseOrder.Account, Reasons.ProbeFailed, "Look at the code below", "look why the platform of ProviderConfig {config} refuses the session[: {message}]" + Elsewhere),
        Operator(CauseOrder.Account, Reasons.BreakerOpen, "Look at the platform and at the way to it; it is asked again by itself", "look at the platform of ProviderConfig {config} and at the way to it[: {message}] It is asked again by itself" + Elsewhere),
        Operator(CauseOrder.Account, Reasons.AccountChanged, "Correct endpoint or credentials; or confirm", "correct endpoint or credentials of ProviderConfig {config}, or to confirm the change[: {message}]"),
        Operator(CauseOrder.Account, Reasons.MassAbsence, "Look at the account; confirm when the objects are gone indeed", "look why so many objects of account {account} vanished, and to confirm when they are gone indeed[: {message}]"),
        Operator(CauseOrder.Account, Reasons.BlastRadius, "Take the change back, or confirm it", "take back the change that would replace so many objects, or to confirm it[: {message}]"),
        Operator(CauseOrder.Account, Reasons.Unauthenticated, "Renew them", "renew the credentials of ProviderConfig {config}"),
        Operator(CauseOrder.Account, Reasons.Forbidden, "Grant it", "grant the right that is missing to the account of ProviderConfig {config}[: {platform}]"),
        Operator(CauseOrder.Account, Reasons.QuotaExceeded, "Raise it",
            "raise the quota for {resource} objects of account {account} (ProviderConfig {config}, Location {locationName})[, of which the platform says: {platform}][; or lower minReplicas of {workload}, field {replicasField}][; or use another Location: {alternatives}]"),
        User(CauseOrder.Account, Reasons.CapacityUnavailable, "Wait, or use another Location", "Wait, or use another Location than {locationName}[: {alternatives}]; the platform has no room there[: {platform}]"),
        Wait(Reasons.Throttled, named: "Nothing: the platform limits the rate of requests of account {account}; it goes on shortly", carried: false),
    ];

    private static IEnumerable<AdviceRow> AtThePlatform() =>
    [
        User(CauseOrder.Platform, Reasons.NetworkFailedToCreate, "Look at the NetworkContext", "Look at the NetworkContext that {object} needs[: {message}]", carried: true),
        Operator(CauseOrder.Platform, Reasons.MarkMissing, "Put the mark back, or remove the object", "put our mark back on {platformId} at {driver}, or to remove it there[: {message}]"),
        Operator(CauseOrder.Platform, Reasons.Orphan, "Look whose it was; remove it, or let the collector", "look whose {object} was, and to remove it at the platform[: {message}]"),
        Operator(CauseOrder.Platform, Reasons.EarlierLife, "Look at it; remove it, or let the collector", "remove the object of the earlier incarnation at the platform[: {message}]"),
        Operator(CauseOrder.Platform, Reasons.Copy, "Remove it at the platform", "remove the older object beside {platformId} at {driver}[: {message}]"),
        Operator(CauseOrder.Platform, Reasons.Ambiguous, "Remove the wrong ones, or their marks", "remove the wrong objects, or their marks, at {driver}[: {message}]"),
        Operator(CauseOrder.Platform, Reasons.NeedsPerson, "Look at the platform; then `datum-providers settle`",
            "look at {driver}, account {account}, whether step '{step}' of {entry} took effect: its answer was lost. Then say it: datum-providers settle, with --made ID or --not-made"),
        Operator(CauseOrder.Platform, Reasons.OwnerLost, "Look why the owner went; then `datum-providers release` or `abandon`", "look why {owner} went; then have {entry} deleted at {driver} (datum-providers release) or forgotten (datum-providers abandon)"),
        User(CauseOrder.Platform, Reasons.DriftReported, "Change it back, change the wish, or set drift to Correct", "Change {object} back at the platform, change the wish, or set the annotation providers.datumapis.com/drift: Correct on {owner}[: {message}]"),
        User(CauseOrder.Reference, Reasons.AdoptionRefused, "Name another object, or let its owner release it", "Name another object in the annotation providers.datumapis.com/adopt-id of {owner}, or let its owner release it[: {message}]"),
        User(CauseOrder.Hold, Reasons.RetainRefused, "Remove the annotation, or set the collector's policy to Report", "Remove the annotation providers.datumapis.com/retain from {owner}, or set spec.collector.policy of the ProviderConfig to Report[: {message}]"),
        Operator(CauseOrder.Host, Reasons.InstallationUnconfirmed, "Say what the plane is: `datum-providers installation continue` or `fork`", "say what this plane is, with datum-providers installation continue or fork: {message}"),
        Operator(CauseOrder.Platform, Reasons.Unknown, "Look at the platform", "look at {object} at the platform[: {message}]"),
        Operator(CauseOrder.Platform, Reasons.Failed, "See the message; `on-failure: Replace` replaces such an object",
            "look at {object} at {driver}[: {platform}]; or set the annotation providers.datumapis.com/on-failure: Replace on {owner}"),
        Author(Reasons.DriftNotConverging, "Look at what changes it back, or report it to the driver's author", "Look at what changes {object} back at {driver}, or report it to the driver's author[: {message}]"),
        Author(Reasons.Bug, "Report it to the driver's author with the log", "Report it to the author of driver '{driver}' with the host's log[: {message}]"),
        Wait(Reasons.Unavailable, named: "Nothing yet: the platform of ProviderConfig {config} doesn't answer; it is tried again. If it stays, ask the platform operator to look at it[: {platform}]", carried: false),
        Wait(Reasons.Timeout, named: "Nothing yet: the platform of ProviderConfig {config} didn't answer in time; it is looked at again. If it stays, ask the platform operator to look at it[: {platform}]", carried: false),
        Wait(Reasons.PreconditionFailed, "", "Nothing: {object} changed at the platform and is looked at again", carried: false),
    ];

    private static IEnumerable<AdviceRow> Waits() =>
    [
        Wait(Reasons.Pending),
        Wait(Reasons.NoAvailablePlacements, "Follow the message down"),
        Wait(Reasons.NoAvailableDeployments, "Follow the message down"),
        Wait(Reasons.LocationAssigned),
        User(CauseOrder.Wish, Reasons.ScalingDisabled, "Set the annotation `autoscale`, or remove `maxReplicas` and `metrics`", "Set the annotation providers.datumapis.com/autoscale of {workload} to \"true\", or remove maxReplicas and metrics"),
        Wait(Reasons.MetricsUnavailable, "Wait; look whether the instances are ready"),
        Wait(Reasons.ProvisioningNetwork, "Wait, or look at that object"),
        Wait(Reasons.ProvisioningInstances, "Wait, or look at that Instance"),
        Wait(Reasons.PendingProgramming, "Wait, or look at the Subnet"),
        Wait(Reasons.ProgrammingInProgress),
        Wait(Reasons.TakesLong, "Wait; look at the platform if it stays", "Nothing yet: the platform works longer than expected on {object}[: {message}] If it stays, ask the platform operator to look at it"),
        Wait("Provisioning"),
        Wait(Reasons.NotProgrammed, "Wait; if it stays, look at the Location"),
        Wait(Reasons.Starting),
        Wait(Reasons.Stopping),
        Wait(Reasons.NetworkContextNotReady, "Look at the NetworkContext"),
        Wait(Reasons.SubnetNotReady, "Look at the Subnet"),
        Wait(Reasons.Absent),
        Wait(Reasons.Creating, "Wait; look at the guest"),
        Wait(Reasons.Updating, "Wait; look at the guest"),
        Wait("Degraded", "Wait; look at the guest", "Nothing yet: {object} is there and doesn't do its work[ ({message})]; it is mended after a delay that grows. Look at the guest"),
        Wait("Replacing"),
        Wait(Reasons.Deleting, "Wait", "Nothing: {object} is being taken down[: {message}]. Look again in a moment"),
        Wait(Reasons.Waiting, "Wait", "Nothing: {object} waits[: {message}]"),
        Wait(Reasons.WaitingForDependency, "Look at that one"),
    ];

    private static IEnumerable<AdviceRow> OfTheTrace() =>
    [
        Operator(CauseOrder.Host, HostSilent, "Start the host; what the conditions say is old", "start the host: {host}. What the conditions say is from before that"),
        Operator(CauseOrder.Platform, NotObserved, "Check that the host and the core controllers run for this plane", "check that the host and the core controllers run for this plane: nobody has written a status of {object} for {age}"),
        User(CauseOrder.Hold, FinalizersLeft, "Let the controllers of these finalizers finish, or remove them", "Let the controllers of the finalizers {finalizers} of {object} finish, or remove them if nobody serves them any more"),
        Operator(CauseOrder.Gap, NotReadable, "Grant the right to list the kind", "let you list {plural}, or to run this trace: {message}"),
    ];
}
