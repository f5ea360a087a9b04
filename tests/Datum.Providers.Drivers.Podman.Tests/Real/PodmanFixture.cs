using System.Diagnostics.Metrics;
using System.Globalization;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json;
using Datum.Providers.Drivers.Podman.Firewall;
using Datum.Providers.Testing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Datum.Providers.Drivers.Podman.Tests.Real;

/// <summary>A session with a real Podman under an installation of its own, and the removal of whatever a test left.</summary>
public abstract class PodmanFixture
{
    private readonly List<IAsyncDisposable> _sessions = [];

    internal PodmanHost Podman { get; private set; } = null!;

    internal string Installation { get; } = "t" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(5));

    internal IInfrastructureDriver Driver { get; private set; } = null!;

    [SetUp]
    public async Task OpenAsync()
    {
        Podman = await UsePodmanAsync();
        Driver = await ConnectAsync();
    }

    [TearDown]
    public async Task CloseAsync()
    {
        foreach (var session in _sessions)
            await session.DisposeAsync();
        _sessions.Clear();
        if (Podman is null)
            return;
        for (var i = 1; ; i++)
        {
            try
            {
                await Podman.RemoveByLabelAsync($"{Marks.InstallKey}={Installation}");
                break;
            }
            catch (InvalidOperationException e) when (i < 20 && e.Message.Contains("container state improper", StringComparison.Ordinal))
            {
                // A container that is just ending.
                await Task.Delay(100);
            }
        }

        foreach (var tag in new[] { "moving", "health" })
            using (await Podman.Client.DeleteAsync(new Uri($"images/{Uri.EscapeDataString($"localhost/{Installation}:{tag}")}?force=true", UriKind.Relative)))
            {
            }

        foreach (var secret in await SecretsAsync())
            using (await Podman.Client.DeleteAsync(new Uri($"secrets/{secret}", UriKind.Relative)))
            {
            }
    }

    internal virtual Task<PodmanHost> UsePodmanAsync() => PodmanHost.SharedAsync();

    internal async Task<IInfrastructureDriver> ConnectAsync(
        Func<Connection, Connection>? change = null, DelegatingHandler? wire = null, INetworkNamespaceFirewall? firewall = null, string settings = "{}")
    {
        var host = new TestDriverHost(Podman.SocketPath, wire);
        using var document = JsonDocument.Parse(settings);
        var connection = new Connection
        {
            Installation = Installation,
            Endpoint = new Uri("unix://" + Podman.SocketPath),
            Settings = document.RootElement.Clone(),
            AllowUnenforcedDiskSize = true,
        };
        var factory = firewall is null ? new PodmanDriverFactory() : new PodmanDriverFactory(_ => firewall);
        var driver = await factory.ConnectAsync(host, change?.Invoke(connection) ?? connection, CancellationToken.None);
        _sessions.Add(driver);
        _sessions.Add(host);
        return driver;
    }

    internal Identity NewIdentity(ResourceKind kind) => new()
    {
        Installation = Installation,
        Kind = kind,
        Name = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)),
        Incarnation = 1,
    };

    internal async Task<Reference> NetworkAsync(NetworkSpec? spec = null)
    {
        var network = new Driven<NetworkSpec, NetworkFacts>(Driver.Networks!, NewIdentity(ResourceKind.Network));
        await network.DriveToReadyAsync(spec ?? DualStack());
        return new Reference { Name = network.Id.Name, Parts = network.Id.Parts };
    }

    internal async Task<Reference> DiskAsync()
    {
        var disk = new Driven<DiskSpec, DiskFacts>(Driver.Disks!, NewIdentity(ResourceKind.Disk));
        await disk.DriveToReadyAsync(new DiskSpec { SizeGiB = 10 });
        return new Reference { Name = disk.Id.Name, Parts = disk.Id.Parts };
    }

    internal Driven<InstanceSpec, InstanceFacts> NewInstance(IPayloadReader? payloads = null, IInfrastructureDriver? driver = null) =>
        new((driver ?? Driver).Instances!, NewIdentity(ResourceKind.Instance), payloads);

    /// <summary>A range of each family that nobody else has, as far as chance allows.</summary>
    internal static NetworkSpec DualStack()
    {
        var bytes = RandomNumberGenerator.GetBytes(6);
        return new NetworkSpec
        {
            Ranges = [string.Create(CultureInfo.InvariantCulture, $"10.{160 + bytes[0] % 90}.{bytes[1]}.0/24"), $"fd20:{bytes[2]:x}:{bytes[3]:x}:{bytes[4] + 1:x}::/64"],
            IpFamilies = ["IPv4", "IPv6"],
            Mtu = 1460,
        };
    }

    internal static InstanceSpec Web(Reference network, Func<ContainerSpec, ContainerSpec>? change = null) => new()
    {
        Hostname = "web-0",
        Size = new InstanceSize { InstanceType = "datumcloud/d1-standard-2", CpuMillis = 2000, MemoryMiB = 512 },
        TerminationGraceSeconds = 1,
        Sandbox = new SandboxSpec
        {
            Containers = [(change ?? (c => c))(new ContainerSpec { Name = "web", Image = PodmanHost.WebImage })],
        },
        Interfaces = [new InterfaceSpec { Name = "eth0", Network = network }],
    };

    internal static string Address(InstanceFacts facts, bool v6 = false) =>
        facts.Interfaces[0].NetworkAddresses.First(a => a.Contains(':', StringComparison.Ordinal) == v6);

    internal async Task<JsonElement> GetAsync(string path)
    {
        using var document = JsonDocument.Parse(await Podman.Client.GetStringAsync(new Uri(path, UriKind.Relative)));
        return document.RootElement.Clone();
    }

    internal async Task PostAsync(string path)
    {
        using var answer = await Podman.Client.PostAsync(new Uri(path, UriKind.Relative), null);
        Assert.That(answer.IsSuccessStatusCode, Is.True, await answer.Content.ReadAsStringAsync());
    }

    internal async Task<IReadOnlyList<string>> SecretsAsync()
    {
        var all = await GetAsync("secrets/json");
        return all.ValueKind != JsonValueKind.Array ? []
            : [.. all.EnumerateArray().Select(s => s.GetProperty("Spec").GetProperty("Name").GetString()!).Where(n => n.StartsWith($"datum-{Installation}-", StringComparison.Ordinal))];
    }

    internal async Task<int> PodsAsync() =>
        (await Podman.ObjectsAsync($"{Marks.InstallKey}={Installation}")).Count(o => o.StartsWith("pod ", StringComparison.Ordinal));

    /// <summary>The first line of a web page, or null when the connection isn't accepted within the limit.</summary>
    internal static async Task<string?> FetchAsync(string address, int port, TimeSpan? limit = null)
    {
        var host = address.Contains(':', StringComparison.Ordinal) ? $"[{address}]" : address;
        using var client = new HttpClient { Timeout = limit ?? TimeSpan.FromSeconds(2) };
        try
        {
            return await client.GetStringAsync(new Uri(string.Create(CultureInfo.InvariantCulture, $"http://{host}:{port}/")));
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            return null;
        }
    }

    /// <summary>Fetches until it answers: a container runs before its server listens.</summary>
    internal static async Task<string> FetchEventuallyAsync(string address, int port)
    {
        for (var i = 0; i < 50; i++)
        {
            if (await FetchAsync(address, port) is { } page)
                return page;
            await Task.Delay(100);
        }

        throw new AssertionException($"nothing answers on {address} port {port}");
    }
}

/// <summary>What the host lends, with the socket already dialled.</summary>
internal sealed class TestDriverHost : IDriverHost, IAsyncDisposable
{
    private readonly SocketsHttpHandler _sockets;

    public TestDriverHost(string socketPath, DelegatingHandler? wire)
    {
        _sockets = new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellation) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                try
                {
                    await socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), cancellation);
                    return new NetworkStream(socket, ownsSocket: true);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            },
        };
        if (wire is not null)
            wire.InnerHandler = _sockets;
        HttpHandler = wire ?? (HttpMessageHandler)_sockets;
        Meter = new Meter("datum.tests");
    }

    public ILogger Logger => NullLogger.Instance;

    public Meter Meter { get; }

    public TimeProvider Time => TimeProvider.System;

    public HttpMessageHandler HttpHandler { get; }

    public ValueTask<ReadOnlyMemory<byte>> ReadCredentialAsync(string key, CancellationToken cancellation) => new(ReadOnlyMemory<byte>.Empty);

    public ValueTask DisposeAsync()
    {
        Meter.Dispose();
        _sockets.Dispose();
        return default;
    }
}
