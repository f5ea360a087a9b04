using Datum.Providers.Clouds.Vsphere;

namespace Datum.Providers.Drivers.Vsphere.Tests.Unit;

/// <summary>Instances with secrets, built step by step or through whatever fails.</summary>
internal static class SecretsLife
{
    public const string Canary = "canary-5d1e";

    /// <summary>The life of an instance with secrets.</summary>
    public static async Task LiveAsync(Bench bench, IResourceDriver<InstanceSpec, InstanceFacts> verbs, Identity network)
    {
        bench.Cloud.Knobs = bench.Cloud.Knobs with { GuestReports = true };
        bench.Payloads["database"] = Canary;
        var (id, _, _) = await bench.Build(verbs, Bench.Id(ResourceKind.Instance, 2), Spec(Bench.Refer(network), "h"));
        await bench.TakeDown(verbs, id);
    }

    /// <summary>Calls of an instance with secrets, a clone of 8 seconds, and those about its medium's file.</summary>
    public static async Task<(int All, int Files)> CountAsync(Bench bench, IResourceDriver<InstanceSpec, InstanceFacts> verbs, Identity network)
    {
        bench.Payloads["database"] = Canary;
        bench.Cloud.Knobs = new VsphereKnobs { GuestReports = true, Durations = ImmutableDictionary<string, TimeSpan>.Empty.Add("CloneVM_Task", TimeSpan.FromSeconds(8)) };
        var before = bench.Cloud.Calls.Count;
        await bench.Build(verbs, Bench.Id(ResourceKind.Instance), Spec(Bench.Refer(network), "h"));
        var calls = bench.Cloud.Calls.Skip(before).ToList();
        return (calls.Count, calls.Count(c => c.Operation.EndsWith(" folder", StringComparison.Ordinal) || c.Operation == "DeleteDatastoreFile_Task"));
    }

    public static Step Secrets { get; } = new() { Part = "secrets", Verb = StepVerb.Create, Class = CreateClass.Repeatable };

    public static Bench Open()
    {
        var bench = new Bench(new VsphereKnobs { GuestReports = true });
        bench.Payloads["database"] = Canary;
        return bench;
    }

    public static async Task<(IResourceDriver<InstanceSpec, InstanceFacts> Verbs, InstanceSpec Spec)> StartAsync(Bench bench)
    {
        var driver = await bench.ConnectAsync();
        var network = (await bench.Build(driver.Networks!, Bench.Id(ResourceKind.Network), Bench.Network())).Id;
        return (driver.Instances!, Spec(Bench.Refer(network), "h"));
    }

    public static InstanceSpec Spec(Reference network, string hash) => Bench.Sandbox(Bench.Id(ResourceKind.Network)) with
    {
        Interfaces = [new InterfaceSpec { Name = "eth0", Network = network, Ranges = ["10.1.0.0/24"] }],
        Sandbox = new SandboxSpec { Containers = [new ContainerSpec { Name = "web", Image = "nginx:1", Environment = [new() { Name = "P", From = new PayloadKey { Payload = new PayloadReference { Name = "database", Secret = true, Hash = hash }, Key = "key" } }] }] },
    };

    /// <summary>Looks until something is to be done; what. Null when all is done.</summary>
    public static async Task<(Identity Id, Step? Next)> NextAsync(Bench bench, IResourceDriver<InstanceSpec, InstanceFacts> verbs, Identity id, InstanceSpec spec)
    {
        Handle? handle = null;
        for (var round = 0; round < 200; round++)
        {
            var answer = await verbs.ObserveAsync(bench.Call(), id, spec, handle);
            // A look that was lost, like a host that died over it, is made again.
            if (answer.Value is not { } seen)
                continue;
            if (seen is Present<InstanceFacts> there)
                id = id with { Parts = there.Parts, Resolved = id.Resolved.SetItems(there.Resolved) };
            if (seen.InProgress is null)
                return (id, seen switch { Absent<InstanceFacts> a => a.Next, Present<InstanceFacts> p => p.Next, _ => null });
            handle = seen.InProgress.Handle;
            bench.Clock.Advance(seen.InProgress.LookAgainAfter);
        }

        throw new AssertionException("It is still at work after 200 looks.");
    }

    public static async Task<Identity> UpToAsync(Bench bench, IResourceDriver<InstanceSpec, InstanceFacts> verbs, Identity id, InstanceSpec spec, string part)
    {
        while (true)
        {
            (id, var next) = await NextAsync(bench, verbs, id, spec);
            if (next?.Part == part)
                return id;
            id = Bench.Record(id, await verbs.CreateAsync(bench.Operation(id, next!), id, spec));
        }
    }

    public static async Task<Identity> StepAsync(Bench bench, IResourceDriver<InstanceSpec, InstanceFacts> verbs, Identity id, InstanceSpec spec)
    {
        (id, var next) = await NextAsync(bench, verbs, id, spec);
        return next is null ? id : Bench.Record(id, next.Verb == StepVerb.Create ? await verbs.CreateAsync(bench.Operation(id, next), id, spec) : await verbs.UpdateAsync(bench.Operation(id, next), id, spec));
    }

    /// <summary>Builds whatever fails. Nothing that a failed or lost step would have told is recorded.</summary>
    public static async Task<(Identity Id, bool Failed)> ThroughAsync(Bench bench, IResourceDriver<InstanceSpec, InstanceFacts> verbs, Identity id, InstanceSpec spec, bool stopAtFailure)
    {
        for (var round = 0; round < 60; round++)
        {
            (id, var next) = await NextAsync(bench, verbs, id, spec);
            if (next is null)
                return (id, false);
            var outcome = next.Verb == StepVerb.Create ? await verbs.CreateAsync(bench.Operation(id, next), id, spec) : await verbs.UpdateAsync(bench.Operation(id, next), id, spec);
            if (outcome is not Failed<InstanceFacts>)
                id = Bench.Record(id, outcome);
            else if (stopAtFailure)
                return (id, true);
        }

        throw new AssertionException("It isn't built after 60 steps.");
    }
}
