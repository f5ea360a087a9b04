using Datum.Providers.Host.Cli;
using Datum.Providers.Host.Cli.Trace;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Host.Tests.Trace;

/// <summary>Which cause is found, and which one wins where there are several.</summary>
public sealed class RootCauseTests
{
    private const string ImageField = "spec.template.spec.runtime.sandbox.containers[0].image";

    /// <summary>Name, what is spoiled, object and reason of the cause, a part of the last line.</summary>
    private static IEnumerable<TestCaseData> Situations()
    {
        TestCaseData Case(string name, Action<Scene> spoil, string cause, string reason, string todo, string target = "workload/web") =>
            new TestCaseData(spoil, cause, reason, todo, target).SetArgDisplayNames(name);

        // The wish.
        yield return Case("image", s => s.Container("ImageUnavailable", "manifest unknown"), "Container default/web-us-dfw-0.nginx", "ImageUnavailable", $"image nginx:latest of container nginx in Workload default/web, field {ImageField}");
        yield return Case("image, between the pull and the next look", s => { s.Container("Provisioning", ""); s.Fails("Failed", "reading docker.io/library/nginx:latest: manifest unknown"); }, "Container default/web-us-dfw-0.nginx", "ImageUnavailable", $"Check the image nginx:latest of container nginx in Workload default/web, field {ImageField}");
        yield return Case("image without facts", s => s.InstanceSays("ImageUnavailable", "not found"), "Instance default/web-us-dfw-0", "ImageUnavailable", "Check the images of Workload default/web");
        yield return Case("crash", s => s.Container("InstanceCrashing", "ended with exit code 3", 3), "Container default/web-us-dfw-0.nginx", "InstanceCrashing", "log of container nginx of Instance default/web-us-dfw-0 (ended with exit code 3)");
        yield return Case("container config", s => s.Container("ConfigurationError", "no such command"), "Container default/web-us-dfw-0.nginx", "ConfigurationError", "Correct command, arguments or mounts of container nginx in Workload default/web");
        yield return Case("starting container", s => s.Container("Provisioning", "its health check hasn't passed yet"), "Container default/web-us-dfw-0.nginx", "Provisioning", "Nothing: Container default/web-us-dfw-0.nginx is being worked on");
        yield return Case("field", s => s.InstanceSays("ConfigurationError", "spec.runtime.resources.instanceType: unknown"), "Instance default/web-us-dfw-0", "ConfigurationError", "Correct Workload default/web: spec.template.spec.runtime.resources.instanceType: unknown");
        yield return Case("workload field", s => { s.NotAvailable("x"); Scene.Set(s.Workload.Status!.Conditions!, "Available", "False", "ConfigurationError", "spec.placements: two named us"); s.Deployment.Status!.Conditions!.ForEach(c => c.Status = "True"); Scene.Set(s.Workload.Status.Placements![0].Conditions!, "Available", "True", "AvailableDeploymentFound", ""); }, "Workload default/web", "ConfigurationError", "spec.placements: two named us");
        yield return Case("invalid", s => s.Fails("Invalid", "size 0"), "ManagedResource i0", "Invalid", "Correct Workload default/web: the platform finds it not valid: size 0");
        yield return Case("unsupported", s => s.Fails("Unsupported", "spec.volumes: none here"), "ManagedResource i0", "Unsupported", "use another Location: spec.template.spec.volumes: none here");
        yield return Case("range", s => { s.NetworkWaits(); Scene.Set(s.Subnet.Status!.Conditions!, "Allocated", "False", "RangeUnavailable", "10.0.0.0/24 is full"); Scene.Set(s.Claim.Status!.Conditions!, "Ready", "False", "SubnetNotReady", ""); }, "Subnet default/default-default-dfw-0", "RangeUnavailable", "Widen spec.ipam of Network default/default, or free ranges in it: 10.0.0.0/24 is full");

        // What the wish names.
        yield return Case("no network", s => { s.Plane.Networks.Clear(); s.Plane.Bindings.Clear(); Scene.Set(s.Workload.Status!.Conditions!, "Available", "False", "NetworkNotFound", "There is no Network default/default."); }, "Network default/default", "NetworkNotFound", "Create the Network default/default, or correct its name in Workload default/web");
        yield return Case("no location in the city", s => { s.Unplaced(); s.Location.Spec.Topology[Labels.CityCode] = "AMS"; }, "WorkloadDeployment default/web-us-dfw", "NoCandidateLocations", "Correct the city code DFW in Workload default/web, field spec.placements[0].cityCodes, or create a Location of that city. Locations that are ready: dfw (city AMS)");
        yield return Case("no location", s => { s.Unplaced("NoLocations"); s.Plane.Locations.Clear(); }, "WorkloadDeployment default/web-us-dfw", "NoLocations", "Create a Location with the city code DFW");
        yield return Case("location is gone", s => { s.Plane.Locations.Clear(); s.InstanceSays("LocationNotFound", "Location default/dfw doesn't exist."); }, "Location default/dfw", "LocationNotFound", "Create Location default/dfw");
        yield return Case("name taken", s => { s.NotAvailable("x"); s.Plane.Deployments.Clear(); Scene.Set(s.Workload.Status!.Conditions!, "Available", "False", "Conflict", "The deployment web-us-dfw belongs to another"); Scene.Set(s.Workload.Status.Placements![0].Conditions!, "Available", "False", "NoAvailableDeployments", ""); }, "Workload default/web", "Conflict", "Rename Workload default/web");
        yield return Case("config map", s => s.Fails("NotReadyYet", "ConfigMap site isn't there"), "ManagedResource i0", "NotReadyYet", "ConfigMap site isn't there");

        // What holds it back.
        yield return Case("foreign gate", s => s.Gate("Quota", "mine"), "Instance default/web-us-dfw-0", "SchedulingGatesPresent", "scheduling gates Quota, mine on Instance default/web-us-dfw-0");
        yield return Case("network gate", s => { s.NetworkWaits(); Scene.Set(s.Context.Status!.Conditions!, "Ready", "False", "NotProgrammed", "Waits for the provider."); Scene.Set(s.Context.Status.Conditions!, "Programmed", "False", "Forbidden", "no right"); Scene.Fail(s.NetworkEntry, "Forbidden", "networks.create is denied"); }, "ManagedResource n0", "Forbidden", "grant the right that is missing to the account of ProviderConfig main: networks.create is denied");
        yield return Case("paused", s => { s.Fails("Paused", "Paused: Create is held back."); s.Entry.Spec.Policies = new ResourcePolicies { Paused = true }; }, "ManagedResource i0", "Paused", "providers.datumapis.com/paused from Instance default/web-us-dfw-0, or spec.management.paused from ProviderConfig main");
        yield return Case("observe only", s => s.Fails("ObserveOnly", "Observed only"), "ManagedResource i0", "ObserveOnly", "--observe-only");
        yield return Case("deletion protection", s => { Scene.Delete(s.Workload, Finalizers.WorkloadController); Scene.Delete(s.Instance, Finalizers.Platform); s.Fails("DeletionProtected", "protected"); s.Entry.Spec.Wanted = false; }, "ManagedResource i0", "DeletionProtected", "Remove the annotation providers.datumapis.com/deletion-protection from Instance default/web-us-dfw-0");
        yield return Case("network in use", s => { Scene.Delete(s.Network, Finalizers.NetworkController); s.Network.Status = new() { Conditions = [] }; Scene.Set(s.Network.Status.Conditions!, "DeletionBlocked", "True", "DependentsExist", "Used by NetworkBinding web-us-dfw-net-0"); }, "Network default/default", "DependentsExist", "Delete first what still uses Network default/default: Used by NetworkBinding web-us-dfw-net-0", "dnet/default");
        yield return Case("foreign finalizer", s => Scene.Delete(s.Workload, "example.com/audit"), "Workload default/web", Advice.FinalizersLeft, "finalizers example.com/audit of Workload default/web");
        yield return Case("being deleted", s => { Scene.Delete(s.Workload, Finalizers.WorkloadController); Scene.Delete(s.Instance, Finalizers.Platform); s.Fails("Deleting", "The platform is deleting the object."); }, "ManagedResource i0", "Deleting", "Nothing: ManagedResource i0 is being taken down");

        // The place.
        yield return Case("driver missing", s => { s.LocationSays("DriverMissing", "No driver"); s.Plane.Drivers.Clear(); s.AddLocation("ams", "AMS"); }, "ProviderDriver podman", "DriverMissing", "put a working driver 'podman' into the driver volume and restart the host (it isn't in the driver volume, which has none that is ready); or move Workload default/web to a Location that is ready: ams (city AMS)");
        yield return Case("driver rejected", s => { s.LocationSays("DriverMissing", "rejected"); s.Driver.Status = new ProviderDriverStatus { State = DriverState.Rejected, Reason = "DigestMismatch", Message = "podman.dll" }; }, "ProviderDriver podman", "DriverMissing", "rejected (DigestMismatch): podman.dll");
        yield return Case("driver faulted", s => { s.LocationSays("DriverFaulted", "threw"); s.Driver.Status!.State = DriverState.Faulted; }, "ProviderDriver podman", "DriverFaulted", "that works");
        yield return Case("no config", s => { s.LocationSays("ProviderConfigNotFound", "none"); s.Plane.Configs.Clear(); }, "Location default/dfw", "ProviderConfigNotFound", "create a ProviderConfig with driver 'podman' for Location default/dfw");
        yield return Case("two configs", s => s.LocationSays("ProviderConfigAmbiguous", "ProviderConfigs a, b all match"), "Location default/dfw", "ProviderConfigAmbiguous", "ProviderConfigs a, b all match");
        yield return Case("not allowed", s => s.LocationSays("NotAllowed", "allows nobody: set spec.allowed."), "Location default/dfw", "NotAllowed", "allow it in the ProviderConfig (spec.allowed): allows nobody: set spec.allowed");
        yield return Case("bad block", s => s.LocationSays("InvalidLocation", "spec.provider has 2 blocks"), "Location default/dfw", "InvalidLocation", "Correct Location default/dfw: spec.provider has 2 blocks");
        yield return Case("shadowed", s => s.LocationSays("Shadowed", "another is used"), "Location default/dfw", "Shadowed", "two Locations named default/dfw");
        yield return Case("config of an entry gone", s => { s.Fails("ProviderConfigNotFound", "gone", "Unknown"); s.Plane.Configs.Clear(); }, "ManagedResource i0", "ProviderConfigNotFound", "restore ProviderConfig main");
        yield return Case("driver of an entry gone", s => { s.Fails("DriverMissing", "No driver 'podman' is in /drivers.", "Unknown"); s.Plane.Drivers.Clear(); }, "ProviderDriver podman", "DriverMissing", "driver 'podman'");
        yield return Case("newer format", s => s.Fails("UnsupportedFormat", "format 9"), "ManagedResource i0", "UnsupportedFormat", "run the newer version");

        // The account.
        yield return Case("credentials missing", s => { s.LocationSays("CredentialsMissing", "Secret cloud isn't there", "Ready"); Scene.Set(s.Config.Status!.Conditions!, "Ready", "False", "CredentialsMissing", "Secret cloud isn't there"); }, "ProviderConfig main", "CredentialsMissing", "complete the credentials of ProviderConfig main: Secret cloud isn't there");
        yield return Case("credentials refused", s => s.Fails("Unauthenticated", "401"), "ManagedResource i0", "Unauthenticated", "renew the credentials of ProviderConfig main");
        yield return Case("probe", s => { s.LocationSays("ProbeFailed", "Unavailable: refused", "Ready"); Scene.Set(s.Config.Status!.Conditions!, "Ready", "False", "ProbeFailed", "Unavailable: refused"); }, "ProviderConfig main", "ProbeFailed", "look why the platform of ProviderConfig main refuses the session: Unavailable: refused");
        yield return Case("bad config", s => { s.LocationSays("InvalidConfig", "Invalid: endpoint", "Ready"); Scene.Set(s.Config.Status!.Conditions!, "Ready", "False", "InvalidConfig", "Invalid: endpoint"); }, "ProviderConfig main", "InvalidConfig", "correct ProviderConfig main");
        yield return Case("quota", s => s.Fails("QuotaExceeded", "The quota of 3 servers is used up."), "ManagedResource i0", "QuotaExceeded", "raise the quota for Instance objects of account acct-1 (ProviderConfig main, Location default/dfw), of which the platform says: The quota of 3 servers is used up; or lower minReplicas of Workload default/web, field spec.placements[0].scaleSettings.minReplicas");
        yield return Case("no room", s => { s.AddLocation("ams", "AMS"); s.Fails("CapacityUnavailable", "zone a is full"); }, "ManagedResource i0", "CapacityUnavailable", "use another Location than default/dfw: ams (city AMS)");
        yield return Case("another account", s => s.Fails("AccountChanged", "made in acct-1", "Unknown"), "ManagedResource i0", "AccountChanged", "correct endpoint or credentials of ProviderConfig main");
        yield return Case("throttled", s => s.Fails("Throttled", "429"), "ManagedResource i0", "Throttled", "limits the rate of requests of account acct-1");

        // The platform.
        yield return Case("lost answer", s => { s.Fails("NeedsPerson", "lost"); s.Entry.Spec.Record.Intent = new RecordedIntent { Step = "create server", Part = "server", CreateClass = "Manual", StartedAt = Scene.Now, Deadline = Scene.Now }; }, "ManagedResource i0", "NeedsPerson", "look at podman, account acct-1, whether step 'server' of ManagedResource i0 took effect");
        yield return Case("ambiguous", s => s.Fails("Ambiguous", "a, b"), "ManagedResource i0", "Ambiguous", "remove the wrong objects");
        yield return Case("mark missing", s => s.Fails("MarkMissing", "no mark"), "ManagedResource i0", "MarkMissing", "put our mark back on id-i0 at podman");
        yield return Case("copy", s => s.Fails("Copy", "two"), "ManagedResource i0", "Copy", "remove the older object beside id-i0");
        yield return Case("in the way", s => s.Fails("Conflict", "name taken"), "ManagedResource i0", "Conflict", "remove what is in the way of ManagedResource i0 at the platform (podman): name taken");
        yield return Case("failed", s => s.Fails("Failed", "disk broke"), "ManagedResource i0", "Failed", "on-failure: Replace on Instance default/web-us-dfw-0");
        yield return Case("owner lost", s => s.Fails("OwnerLost", "gone"), "ManagedResource i0", "OwnerLost", "look why Instance default/web-us-dfw-0 went");
        yield return Case("drift", s => s.Fails("DriftNotConverging", "mtu differs"), "ManagedResource i0", "DriftNotConverging", "Look at what changes ManagedResource i0 back");
        yield return Case("driver bug", s => s.Fails("Bug", "NullReferenceException"), "ManagedResource i0", "Bug", "Report it to the author of driver 'podman'");
        yield return Case("platform away", s => s.Fails("Unavailable", "refused"), "ManagedResource i0", "Unavailable", "Nothing yet: the platform of ProviderConfig main doesn't answer");
        yield return Case("waits for its network", s => { s.Fails("WaitingForDependency", "Waits for Network"); s.Entry.Spec.DependsOn = [new ResourceDependency { Name = "n0", As = "network" }]; Scene.Fail(s.NetworkEntry, "QuotaExceeded", "networks: 5 of 5"); }, "ManagedResource n0", "QuotaExceeded", "quota for Network objects");
        yield return Case("word of another program", s => s.InstanceSays("Zonked", "by a newer plane"), "Instance default/web-us-dfw-0", "Zonked", "look at Instance default/web-us-dfw-0: Zonked: by a newer plane");

        // Nobody works, or nobody has looked.
        yield return Case("host silent", s => { s.Lease(TimeSpan.FromMinutes(5)); s.Fails("Creating", ""); }, "Workload default/web", Advice.HostSilent, "start the host: Lease datum-providers/datum-providers was last renewed 5m ago by host-1");
        yield return Case("lease let go", s => { s.Lease(TimeSpan.FromSeconds(3), null); s.Fails("Creating", ""); }, "Workload default/web", Advice.HostSilent, "nobody holds Lease");
        yield return Case("no status", s => { s.Plane.Deployments.Clear(); s.Workload.Status = null; s.Plane.Instances.Clear(); }, "Workload default/web", Advice.NotObserved, "nobody has written a status of Workload default/web for 10m");
        yield return Case("just made", s => { s.Plane.Deployments.Clear(); s.Workload.Status = null; s.Workload.Metadata.CreationTimestamp = Scene.Now - TimeSpan.FromSeconds(5); }, "Placement default/web.us", "Pending", "Nothing: Placement default/web.us is being worked on");
        yield return Case("wish changed", s => { s.Workload.Metadata.Generation = 2; s.Workload.Status!.Conditions![0].ObservedGeneration = 1; }, "Workload default/web", "Pending", "generation 2 is wished, Available speaks of 1");

        // Several at once: the nearer to the user's fix wins.
        yield return Case("image before quota", s => { s.Fails("QuotaExceeded", "full"); s.Entry.Status!.Observed = ContractJson.Write(new InstanceFacts { Power = PowerState.Running, Containers = [new ContainerFacts { Name = "nginx", Running = false, Reason = "ImageUnavailable" }] }); }, "Container default/web-us-dfw-0.nginx", "ImageUnavailable", "Check the image");
        yield return Case("gate before quota", s => { s.Fails("QuotaExceeded", "full"); s.Gate("mine"); }, "Instance default/web-us-dfw-0", "SchedulingGatesPresent", "gates mine");
        yield return Case("missing network before missing driver", s => { s.LocationSays("DriverMissing", "none"); s.Plane.Drivers.Clear(); s.Plane.Networks.Clear(); }, "Network default/default", "NetworkNotFound", "Create the Network");
        yield return Case("driver before quota", s => { s.Fails("QuotaExceeded", "full"); Scene.Set(s.Location.Status!.Conditions!, "Accepted", "False", "DriverMissing", "none"); s.Plane.Drivers.Clear(); }, "ProviderDriver podman", "DriverMissing", "driver 'podman'");
        yield return Case("credentials before a failed object", s => { s.Fails("Failed", "broke"); Scene.Set(s.Config.Status!.Conditions!, "Ready", "False", "CredentialsMissing", "no key"); }, "ProviderConfig main", "CredentialsMissing", "complete the credentials");
        yield return Case("silent host before all", s => { s.Lease(TimeSpan.FromHours(1)); s.Container("ImageUnavailable", "manifest unknown"); }, "Workload default/web", Advice.HostSilent, "start the host");
        yield return Case("range before platform", s => { s.NetworkWaits(); Scene.Set(s.Subnet.Status!.Conditions!, "Allocated", "False", "RangeUnavailable", "full"); Scene.Fail(s.NetworkEntry, "Failed", "broke"); }, "Subnet default/default-default-dfw-0", "RangeUnavailable", "Widen spec.ipam");

        // Started in the middle: what those above need counts too.
        yield return Case("instance behind the network gate", s => { s.NetworkWaits(); Scene.Set(s.Context.Status!.Conditions!, "Ready", "False", "NotProgrammed", ""); Scene.Fail(s.NetworkEntry, "Forbidden", "denied"); }, "ManagedResource n0", "Forbidden", "grant the right", "inst/web-us-dfw-0");
        yield return Case("deployment", s => s.Fails("QuotaExceeded", "full"), "ManagedResource i0", "QuotaExceeded", "quota", "wld/web-us-dfw");
        yield return Case("entry", s => s.Fails("QuotaExceeded", "full"), "ManagedResource i0", "QuotaExceeded", "or lower minReplicas of Workload default/web", "dmr/i0");
        yield return Case("binding", s => { s.NetworkWaits(); Scene.Set(s.Context.Status!.Conditions!, "Ready", "False", "NotProgrammed", ""); Scene.Fail(s.NetworkEntry, "Forbidden", "denied"); }, "ManagedResource n0", "Forbidden", "grant", "nbind/web-us-dfw-net-0");
        yield return Case("network", s => { Scene.Set(s.Context.Status!.Conditions!, "Ready", "False", "NotProgrammed", ""); Scene.Fail(s.NetworkEntry, "QuotaExceeded", "5 networks"); }, "ManagedResource n0", "QuotaExceeded", "quota for Network objects", "dnet/default");
        yield return Case("context", s => { Scene.Set(s.Context.Status!.Conditions!, "Ready", "False", "NotProgrammed", ""); Scene.Set(s.Context.Status.Conditions!, "Programmed", "False", "Unsupported", "spec.ipFamilies: IPv4 only."); }, "NetworkContext default/default-default-dfw", "Unsupported", "spec.ipFamilies: IPv4 only", "nctx/default-default-dfw");
        yield return Case("claim", s => { Scene.Set(s.Subnet.Status!.Conditions!, "Allocated", "False", "RangeUnavailable", "full"); Scene.Set(s.Claim.Status!.Conditions!, "Ready", "False", "SubnetNotReady", ""); }, "Subnet default/default-default-dfw-0", "RangeUnavailable", "Widen", "snetc/default-default-dfw-0");
        yield return Case("subnet", s => Scene.Set(s.Subnet.Status!.Conditions!, "Allocated", "False", "RangeUnavailable", "full"), "Subnet default/default-default-dfw-0", "RangeUnavailable", "Widen", "snet/default-default-dfw-0");
        yield return Case("location", s => s.LocationSays("NotAllowed", "nobody"), "Location default/dfw", "NotAllowed", "allow it", "loc/dfw");
        yield return Case("config", s => Scene.Set(s.Config.Status!.Conditions!, "Ready", "False", "InvalidConfig", "endpoint"), "ProviderConfig main", "InvalidConfig", "correct ProviderConfig main: endpoint", "dpc/main");
        yield return Case("driver", s => s.Driver.Status!.State = DriverState.Missing, "ProviderDriver podman", "DriverMissing", "driver 'podman'", "dpd/podman");
    }

    [TestCaseSource(nameof(Situations))]
    public void The_last_line_names_the_cause(object spoil, string cause, string reason, string todo, string target)
    {
        var scene = new Scene();
        ((Action<Scene>)spoil)(scene);

        var verdict = scene.Verdict(target);

        Assert.That(verdict.First, Is.Not.Null, verdict.Todo);
        Assert.Multiple(() =>
        {
            Assert.That((verdict.First!.Node.Key, verdict.First.Advice.Reason), Is.EqualTo((cause, reason)), verdict.Todo);
            Assert.That(verdict.Todo, Does.Contain(todo).And.StartWith("To do: ").And.EndWith("."));
            Assert.That(verdict.Todo, Does.Not.Contain("{").And.Not.Contain("\n"));
            Assert.That(verdict.Ready, Is.False);
        });
    }

    [TestCase("workload/web")]
    [TestCase("wl/web")]
    [TestCase("workloaddeployments.compute.datumapis.com/web-us-dfw")]
    [TestCase("Instance/web-us-dfw-0")]
    [TestCase("network/default")]
    [TestCase("nctx/default-default-dfw")]
    [TestCase("nbind/web-us-dfw-net-0")]
    [TestCase("snetc/default-default-dfw-0")]
    [TestCase("snet/default-default-dfw-0")]
    [TestCase("loc/dfw")]
    [TestCase("dpc/main")]
    [TestCase("dpd/podman")]
    [TestCase("dmr/i0")]
    public void A_ready_object_of_every_kind_needs_nothing(string target)
    {
        var verdict = new Scene().Verdict(target);

        Assert.That((verdict.Ready, verdict.First), Is.EqualTo((true, (Cause?)null)), verdict.Todo);
        Assert.That(verdict.Todo, Does.StartWith("To do: nothing. ").And.EndWith(" is ready."));
    }

    [Test]
    public void An_available_workload_with_one_bad_instance_is_ready_and_says_what_is_wrong()
    {
        var scene = new Scene(3);
        scene.Container("ImageUnavailable", "manifest unknown");
        Scene.Set(scene.Workload.Status!.Conditions!, "Available", "True", "AvailablePlacementFound", "");

        var verdict = scene.Verdict();

        Assert.That((verdict.Ready, verdict.First?.Advice.Reason), Is.EqualTo((true, "ImageUnavailable")));
    }

    [Test]
    public void Other_causes_are_named_after_the_first_and_each_once()
    {
        var scene = new Scene(3);
        scene.Fails("QuotaExceeded", "full");
        foreach (var entry in scene.Plane.Entries.Where(e => e.Spec.Kind == "Instance"))
            Scene.Fail(entry, "QuotaExceeded", "full");
        Scene.Set(scene.Config.Status!.Conditions!, "Ready", "False", "InvalidConfig", "endpoint");

        var verdict = scene.Verdict();

        Assert.That(verdict.First!.Advice.Reason, Is.EqualTo("InvalidConfig"));
        Assert.That(verdict.Others.Select(o => o.Advice.Reason), Is.EqualTo(new[] { "QuotaExceeded" }));
    }

    [Test]
    public void What_goes_on_by_itself_for_long_deserves_a_look()
    {
        var scene = new Scene();
        scene.Fails("Creating", "");
        Assert.That(scene.Verdict().Todo, Does.Not.Contain("It has been so"));
        foreach (var condition in scene.Entry.Status!.Conditions!)
            condition.LastTransitionTime = Scene.Now - TimeSpan.FromHours(3);

        Assert.That(scene.Verdict().Todo, Does.EndWith("It has been so for 3h: if that is long for this platform, ask the platform operator to look at the host's log."));
    }

    [Test]
    public void A_kind_that_may_not_be_listed_is_the_cause_only_where_nothing_else_is()
    {
        var scene = new Scene();
        scene.Plane.Entries.Clear();
        scene.Plane.Gaps.Add(new TraceGap("managedresources.providers.datumapis.com", "forbidden"));
        scene.InstanceSays("ProgrammingInProgress", "Waiting for the platform.");

        Assert.That(scene.Verdict().Todo, Does.Contain("let you list managedresources.providers.datumapis.com"));
        scene.Instance.Status!.Conditions!.ForEach(c => c.LastTransitionTime = Scene.Now - TimeSpan.FromSeconds(5));
        Assert.That(scene.Verdict().Todo, Does.StartWith("To do: Nothing: "), "what has just begun needs nobody");

        scene.InstanceSays("ConfigurationError", "spec.x: no");
        Assert.That(scene.Verdict().First!.Advice.Reason, Is.EqualTo("ConfigurationError"));
    }

    [Test]
    public void Words_from_outside_lose_their_control_characters()
    {
        var scene = new Scene();
        scene.Fails("QuotaExceeded", "full\u001b[2J\r\n\u202eevil\u0007");

        var verdict = scene.Verdict();

        Assert.That(verdict.Todo, Does.Contain("full [2J evil"));
        Assert.That(verdict.Todo.Where(c => char.IsControl(c) || c == '\u202e'), Is.Empty);
    }

    [TestCase("workload", "write KIND/NAME")]
    [TestCase("workload/", "write KIND/NAME")]
    [TestCase("gadget/x", "no kind that can be traced")]
    [TestCase("workload/a/b", "write KIND/NAME")]
    [TestCase("workload/a b", "can't be the name")]
    public void A_target_that_cant_be_read_is_a_usage_error(string text, string message)
    {
        var error = Assert.Throws<CliException>(() => TraceTarget.Parse(text, "default"))!;

        Assert.That((error.ExitCode, error.Message), Is.EqualTo((2, error.Message)));
        Assert.That(error.Message, Does.Contain(message));
    }

    [Test]
    public void Every_situation_has_its_own_name() => Assert.That(Situations().Count(), Is.GreaterThanOrEqualTo(70));
}
