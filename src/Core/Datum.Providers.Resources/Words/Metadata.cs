namespace Datum.Providers.Resources;

/// <summary>Keys of labels and of topology.</summary>
public static class Labels
{
    /// <summary>In <c>Location.spec.topology</c>.</summary>
    public const string CityCode = "topology.datum.net/city-code";

    public const string InstanceIndex = "compute.datumapis.com/instance-index";
    public const string WorkloadUid = "compute.datumapis.com/workload-uid";
    public const string WorkloadDeploymentUid = "compute.datumapis.com/workload-deployment-uid";

    /// <summary>"true" on a CRD that we installed: the host's core controllers run only on planes whose Workload CRD has it.</summary>
    public const string Installed = "providers.datumapis.com/installed";

    public const string Installation = "providers.datumapis.com/installation";
    public const string Plane = "providers.datumapis.com/plane";

    /// <summary>On entries: the project whose plane has the owner; absent where the home plane has it.</summary>
    public const string Project = "providers.datumapis.com/project";

    public const string OwnerUid = "providers.datumapis.com/owner-uid";
    public const string Kind = "providers.datumapis.com/kind";
    public const string Driver = "providers.datumapis.com/driver";
    public const string ProviderConfig = "providers.datumapis.com/provider-config";
}

/// <summary>Keys of annotations.</summary>
public static class Annotations
{
    /// <summary>On template metadata: one <c>user:public-key</c> a line; required for virtual machines.</summary>
    public const string SshKeys = "compute.datumapis.com/ssh-keys";

    /// <summary>On a Workload, a deployment or a template, "true": the instances are stopped and keep everything.</summary>
    public const string Suspended = "compute.datumapis.com/suspended";

    /// <summary>On a template: another value restarts the instances, one after the other.</summary>
    public const string RestartedAt = "compute.datumapis.com/restartedAt";

    /// <summary>On a Workload, "true": instances of one city are spread over its Locations. Default "false".</summary>
    public const string LocationSpread = "providers.datumapis.com/location-spread";
    /// <summary>On a Workload, "true": an instance that its Location has no room or quota for is tried at the city's next one. Default "false".</summary>
    public const string LocationFallback = "providers.datumapis.com/location-fallback";
    /// <summary>On a Workload, "true": a change of a config map or secret that the template names is rolled out. Default "false".</summary>
    public const string RolloutOnChange = "providers.datumapis.com/rollout-on-change";
    /// <summary>On a Workload, "true": the number of instances follows scaleSettings.metrics, up to maxReplicas. Default "false".</summary>
    public const string Autoscale = "providers.datumapis.com/autoscale";
    /// <summary>On a deployment, written by the host: Locations that refused an instance, why and when.</summary>
    public const string RefusedLocations = "providers.datumapis.com/refused-locations";
    /// <summary>On a deployment and its instances, written by the host: keyed hashes of the config maps and secrets that were named.</summary>
    public const string PayloadVersions = "providers.datumapis.com/payload-versions";

    /// <summary>The provider block as JSON, for planes whose CRD prunes unknown blocks.</summary>
    public const string Provider = "providers.datumapis.com/provider";

    /// <summary>"true" stops all mutations.</summary>
    public const string Paused = "providers.datumapis.com/paused";
    /// <summary>"true" stops all mutations and keeps status alive.</summary>
    public const string ObserveOnly = "providers.datumapis.com/observe-only";
    /// <summary>"true" keeps the platform object when the Datum object is deleted.</summary>
    public const string Retain = "providers.datumapis.com/retain";
    /// <summary>"true" refuses deletion.</summary>
    public const string DeletionProtection = "providers.datumapis.com/deletion-protection";
    /// <summary>Keep or Replace.</summary>
    public const string OnFailure = "providers.datumapis.com/on-failure";
    /// <summary>Never, IfTagged or Always.</summary>
    public const string Adopt = "providers.datumapis.com/adopt";
    /// <summary>What is to be adopted, by the platform's own id or name.</summary>
    public const string AdoptId = "providers.datumapis.com/adopt-id";
    /// <summary>Correct or Report.</summary>
    public const string Drift = "providers.datumapis.com/drift";
    /// <summary>A Go-style duration.</summary>
    public const string PollInterval = "providers.datumapis.com/poll-interval";
    /// <summary>A Go-style duration.</summary>
    public const string TerminationGrace = "providers.datumapis.com/termination-grace";
    /// <summary>"true" shows what would be done and does nothing.</summary>
    public const string Plan = "providers.datumapis.com/plan";
    /// <summary>On a ProviderConfig: tokens of holds that a person lets go, by commas (law L15).</summary>
    public const string Confirm = "providers.datumapis.com/confirm";
    /// <summary>On a ProviderConfig, written by the host: names of objects that were retained when their owners went. The collector keeps them; removing a name gives it up.</summary>
    public const string Retained = "providers.datumapis.com/retained";
    /// <summary>On a Subnet whose range the core controllers chose, written by them: what was asked for (<c>any</c>, <c>any/24</c> or a start address with a length).</summary>
    public const string AskedRange = "providers.datumapis.com/asked-range";
    /// <summary>On Datum objects: the platform's id of what was made.</summary>
    public const string ProviderId = "providers.datumapis.com/provider-id";
}

/// <summary>Finalizers.</summary>
public static class Finalizers
{
    /// <summary>Ours, on every Datum object that owns something at a platform and on ledger entries (law L6).</summary>
    public const string Platform = "providers.datumapis.com/platform";

    /// <summary>The core controllers', on Workloads and WorkloadDeployments.</summary>
    public const string WorkloadController = "compute.datumapis.com/workload-controller";

    /// <summary>The core controllers', on Networks.</summary>
    public const string NetworkController = "networking.datumapis.com/network-controller";
}

/// <summary>Names of scheduling gates. A provider honours gates of any name.</summary>
public static class SchedulingGates
{
    public const string Network = "Network";
    public const string Quota = "Quota";
    public const string ReferencedData = "ReferencedData";
}
