using System;
using System.Collections.Immutable;
using System.IO;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;
using Datum.Providers;

namespace OldDriver;

/// <summary>
/// A driver as somebody wrote it for contract 1.0 and never built again: its platform is a folder, an object a file. It knows the contract's
/// package and nothing else of ours. Don't change it when the contract grows: that it still runs is the point.
/// </summary>
public sealed class FolderDriverFactory : IDriverFactory
{
    public DriverDescriptor Describe() => new()
    {
        Id = "old-folder",
        Version = "1.2.3",
        LocationKey = "oldFolder",
        LocationSchema = """{"type":"object","properties":{}}""",
        SettingsSchema = """{"type":"object","required":["path"],"properties":{"path":{"type":"string","minLength":1}}}""",
        RangeOrder = RangeOrder.RangeFirst,
        Kinds = [Kind(ResourceKind.Network), Kind(ResourceKind.Instance)],
        Capabilities = new Capabilities
        {
            Subnets = SubnetSupport.InNetwork,
            Firewall = FirewallScope.Instance,
            IpFamilies = IpFamilySupport.Any,
            MaxContainers = 4,
            Marks = new MarkLimits { Style = MarkStyle.NameOnly, MaxLength = 200 },
        },
    };

    public ValueTask<IInfrastructureDriver> ConnectAsync(IDriverHost host, Connection connection, CancellationToken cancellation)
    {
        // A private dependency, so that the test sees it packed and loaded.
        var settings = Newtonsoft.Json.Linq.JObject.Parse(connection.Settings.ValueKind == JsonValueKind.Object ? connection.Settings.GetRawText() : "{}");
        var path = (string?)settings["path"];
        if (path is null || !Directory.Exists(path))
            throw new DriverException(new DriverError { Code = ErrorCode.Invalid, Effect = Effect.NotApplied, Message = $"settings.path: there is no folder {path}.", Field = "settings.path" });
        return new(new FolderSession(path));
    }

    private static KindDescriptor Kind(ResourceKind kind) => new()
    {
        Kind = kind,
        CreateClass = CreateClass.Named,
        ConsistencyWindow = TimeSpan.Zero,
        ListQuality = ListQuality.ByName,
        TypicalCreate = TimeSpan.FromSeconds(1),
        CreateDeadline = TimeSpan.FromMinutes(1),
    };
}

internal sealed class FolderSession(string path) : IInfrastructureDriver
{
    public IResourceDriver<NetworkSpec, NetworkFacts> Networks { get; } =
        new FolderKind<NetworkSpec, NetworkFacts>(path, ResourceKind.Network, s => new NetworkFacts { Ranges = s?.Ranges ?? [] });

    public IResourceDriver<InstanceSpec, InstanceFacts> Instances { get; } =
        new FolderKind<InstanceSpec, InstanceFacts>(path, ResourceKind.Instance, _ => new InstanceFacts { Power = PowerState.Running });

    public ValueTask<Answer<AccountFacts>> ProbeAsync(Call call) => new(new AccountFacts { AccountId = "folder:" + Path.GetFullPath(path) });

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
