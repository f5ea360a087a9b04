using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Datum.Providers.Clouds;
using Datum.Providers.Clouds.Proxmox;
using Datum.Providers.Drivers.Proxmox.Tests.Conformance;
using Datum.Providers.Testing;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Drivers.Proxmox.Tests.Unit;

/// <summary>The double, a session with it, and the least that a host does: it records parts and resolved values, and calls the step that was named.</summary>
internal sealed class Bench : IDriverHost, IPayloadReader, ILogger, IDisposable
{
    public const string Installation = "inst1";
    public const string Location = ProxmoxSamples.Location;

    private readonly CancellationTokenSource _stop = new();
    private readonly List<IInfrastructureDriver> _sessions = [];
    private int _calls;

    public Bench(ProxmoxKnobs? knobs = null, ApiSchema? description = null, string release = "9.1")
    {
        Cloud = new ProxmoxCloud(Clock, knobs ?? new ProxmoxKnobs()) { Release = release, Description = description ?? Double.Schemas.For(release) };
        Cloud.AddToken("datum@pve!driver", "5ec4e7-token");
        Credentials["apiToken"] = Encoding.UTF8.GetBytes("datum@pve!driver=5ec4e7-token");
        HttpHandler = new CloudHandler(Cloud);
    }

    public ManualScheduler Clock { get; } = new();

    public ProxmoxCloud Cloud { get; }

    public Dictionary<string, byte[]> Credentials { get; } = [];

    public Dictionary<string, string> Payloads { get; } = [];

    public ILogger Logger => this;

    public ConcurrentQueue<string> Log { get; } = [];

    public Meter Meter { get; } = new("proxmox-tests");

    public TimeProvider Time => Clock;

    public HttpMessageHandler HttpHandler { get; }

    public ValueTask<ReadOnlyMemory<byte>> ReadCredentialAsync(string key, CancellationToken cancellation) => new(Credentials.TryGetValue(key, out var value) ? value : default(ReadOnlyMemory<byte>));

    public ValueTask<ImmutableDictionary<string, ReadOnlyMemory<byte>>?> ReadAsync(PayloadReference payload, CancellationToken cancellation) =>
        new(Payloads.TryGetValue(payload.Name, out var text) ? ImmutableDictionary<string, ReadOnlyMemory<byte>>.Empty.Add("key", Encoding.UTF8.GetBytes(text)) : null);

    public async Task<IInfrastructureDriver> ConnectAsync(object? settings = null, Func<Connection, Connection>? change = null)
    {
        var connection = new Connection
        {
            Endpoint = new Uri("https://cluster.test:8006"),
            Installation = Installation,
            Settings = JsonSerializer.SerializeToElement(settings ?? new { storage = "ceph", sandboxPackages = Array.Empty<string>() }),
        };
        var session = await new ProxmoxDriverFactory().ConnectAsync(this, change?.Invoke(connection) ?? connection, default);
        _sessions.Add(session);
        return session;
    }

    public Call Call() => new() { Cancellation = _stop.Token, Deadline = Clock.Now.AddSeconds(30), Id = string.Create(CultureInfo.InvariantCulture, $"call-{++_calls}"), Payloads = this };

    public Operation Operation(Identity id, Step step) => new() { Call = Call(), Step = step, Token = $"{id.Name[16..]}{id.Incarnation:x8}{(uint)step.Part.Aggregate(17, (h, c) => h * 31 + c):x8}" };

    public static Identity Id(ResourceKind kind, int number = 1, long incarnation = 1) =>
        new() { Installation = Installation, Kind = kind, Name = $"{(int)kind:x16}{number:x16}", Incarnation = incarnation };

    public static Reference Refer(Identity id) => new() { Name = id.Name, Parts = id.Parts };

    public async Task<Observation<TFacts>> Observe<TSpec, TFacts>(IResourceDriver<TSpec, TFacts> verbs, Identity id, TSpec? spec, Handle? handle = null)
        where TSpec : ResourceSpec where TFacts : ResourceFacts
    {
        var answer = await verbs.ObserveAsync(Call(), id, spec, handle);
        Assert.That(answer.Error?.Message, Is.Null);
        return answer.Value!;
    }

    /// <summary>Builds and updates until nothing is left to do; time passes where the platform is at work.</summary>
    public async Task<(Identity Id, Present<TFacts> Seen, List<string> Steps)> Build<TSpec, TFacts>(IResourceDriver<TSpec, TFacts> verbs, Identity id, TSpec spec)
        where TSpec : ResourceSpec where TFacts : ResourceFacts
    {
        Handle? handle = null;
        var steps = new List<string>();
        for (var round = 0; round < 200; round++)
        {
            var seen = await Observe(verbs, id, spec, handle);
            Assert.That(seen.Failure?.Message, Is.Null);
            if (seen is Present<TFacts> there)
                id = id with { Parts = [.. there.Parts, .. id.Parts.Where(p => there.Parts.All(o => o.Name != p.Name))] };
            if (seen.InProgress is { } progress)
            {
                handle = progress.Handle;
                Clock.Advance(progress.LookAgainAfter);
                continue;
            }

            handle = null;
            var next = seen switch { Absent<TFacts> a => a.Next, Present<TFacts> p => p.Next, _ => null };
            if (next is null)
                return (id, (Present<TFacts>)seen, steps);
            steps.Add($"{next.Verb} {next.Part}");
            var operation = Operation(id, next);
            var outcome = next.Verb == StepVerb.Create ? await verbs.CreateAsync(operation, id, spec) : await verbs.UpdateAsync(operation, id, spec);
            Assert.That((outcome as Failed<TFacts>)?.Error.Message, Is.Null);
            id = Record(id, outcome);
            handle = (outcome as Running<TFacts>)?.Progress.Handle;
            if (outcome is Running<TFacts> running)
                Clock.Advance(running.Progress.LookAgainAfter);
        }

        throw new AssertionException("It isn't built after 80 rounds: " + string.Join(", ", steps));
    }

    /// <summary>Deletes step by step; returns the parts in the order in which they went.</summary>
    public async Task<List<string>> TakeDown<TSpec, TFacts>(IResourceDriver<TSpec, TFacts> verbs, Identity id)
        where TSpec : ResourceSpec where TFacts : ResourceFacts
    {
        var order = new List<string>();
        Handle? handle = null;
        for (var round = 0; round < 200; round++)
        {
            var seen = await Observe(verbs, id, null, handle);
            if (seen is Absent<TFacts> { InProgress: null })
                return order;
            if (seen.InProgress is { } progress)
            {
                handle = progress.Handle;
                Clock.Advance(progress.LookAgainAfter);
                continue;
            }

            var next = ((Present<TFacts>)seen).Next!;
            var outcome = await verbs.DeleteAsync(Operation(id, next), id);
            Assert.That((outcome as Failed<TFacts>)?.Error.Message, Is.Null);
            handle = (outcome as Running<TFacts>)?.Progress.Handle;
            order.Add(next.Part);
        }

        throw new AssertionException("It isn't gone after 80 rounds.");
    }

    public static Identity Record<TFacts>(Identity id, Outcome<TFacts> outcome) where TFacts : ResourceFacts => id with
    {
        Parts = [.. id.Parts.Where(p => outcome.Parts.All(o => o.Name != p.Name)), .. outcome.Parts],
        Resolved = id.Resolved.SetItems(outcome.Resolved),
    };

    /// <summary>A network.</summary>
    public async Task<Identity> Network(IInfrastructureDriver driver, int number = 1) => (await Build(driver.Networks!, Id(ResourceKind.Network, number), NetworkOf(number))).Id;

    public static NetworkSpec NetworkOf(int number = 1) => new() { Mtu = 1450, Ranges = [Range(number)], LocationJson = Location };

    public static InstanceSpec Sandbox(Identity network, int number = 1) => new()
    {
        LocationJson = Location,
        Hostname = "web-0",
        Size = new InstanceSize { InstanceType = "datumcloud/d1-standard-2", CpuMillis = 2000, MemoryMiB = 8192 },
        Sandbox = new SandboxSpec { Containers = [new ContainerSpec { Name = "web", Image = "nginx:1" }] },
        Interfaces = [new InterfaceSpec { Name = "eth0", Network = Refer(network), Ranges = [Range(number)] }],
    };

    public static InstanceSpec Machine(Identity network) => Sandbox(network) with
    {
        Sandbox = null,
        Machine = new MachineSpec { BootVolume = "boot", SshKeys = ["ada:ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF4u ada@example"] },
        Volumes = [new VolumeSpec { Name = "boot", Disk = new DiskVolume { Image = "datumcloud/ubuntu-2204-lts", DeviceName = "boot", SizeGiB = 25, Type = "pd-standard" } }],
    };

    public static FirewallSpec Rules(Identity network, params ImmutableArray<IngressRule> rules) => new() { Network = Refer(network), Ingress = rules, LocationJson = Location };

    public static int Number(Identity id, string part = "server") => int.Parse(id.PartId(part)!.AsSpan(3), CultureInfo.InvariantCulture);

    public System.Text.Json.Nodes.JsonNode Config(int vmid) => At(string.Create(CultureInfo.InvariantCulture, $"qemu/{vmid}"))!.Body["config"]!;

    private static string Range(int number) => string.Create(CultureInfo.InvariantCulture, $"10.{number}.0.0/16");

    public ProxmoxObject? At(string path) => Cloud.Objects.FirstOrDefault(o => o.Path == path);

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    void ILogger.Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        Log.Enqueue($"{formatter(state, exception)} {exception}");

    public void Dispose()
    {
        foreach (var session in _sessions)
            session.DisposeAsync().AsTask().Wait();
        HttpHandler.Dispose();
        Meter.Dispose();
        _stop.Dispose();
        Assert.That(Cloud.Violations, Is.Empty, "Something isn't as the platform's description says.");
    }
}
