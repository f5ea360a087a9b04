using System.Globalization;
using System.Text.Json.Nodes;
using Datum.Providers.Benchmarks.Running;
using Datum.Providers.Resources;

namespace Datum.Providers.Benchmarks;

/// <summary>Everything that is measured. The first of each list that names no peer is what the others are compared with.</summary>
internal sealed class Subjects(Peer peer, string kubectl, string kubeconfig, string ns, int count, string home)
{
    public const string Informer = "client-node informer";
    public const string PeerList = "client-node list";
    public const string PeerWatch = "client-node watch into a Map";
    public const string FloorList = "floor: socket, whole list, plain";
    public const string FloorWatch = "floor: socket, watch";
    public const string FloorFollow = "floor: socket, watch of one object";

    // Not the path of this process: that is dotnet's where the program was started by its DLL.
    private static readonly string _own = Path.Combine(AppContext.BaseDirectory, typeof(Subjects).Assembly.GetName().Name!);

    private static string Plural => ResourceTypes.Instances.ToString();

    public IReadOnlyList<Subject> Lists() =>
    [
        Ours("ours: reflector and cache", Informer, "cache"),
        Ours("ours: typed list", PeerList, "list"),
        Node(Informer, "informer"),
        Node(PeerList, "list"),
        OfKubectl("kubectl get -o json", "get", Plural, "-n", ns, "-o", "json"),
        OfKubectl("kubectl get -o name", "get", Plural, "-n", ns, "-o", "name"),
        OfKubectl("kubectl get --raw", "get", "--raw", Estate.PathOf(ns)),
        Ours("ours: pages as bytes, not decoded", PeerList, "pages") with { IsFloor = true },
        Ours(FloorList, null, "floor-list") with { IsFloor = true },
        Ours("floor: socket, whole list, gzip", null, "floor-list-gzip") with { IsFloor = true },
    ];

    public IReadOnlyList<Subject> Watches() =>
    [
        Ours("ours: watch into the cache", PeerWatch, "watch"),
        Node(PeerWatch, "watch"),
        Ours(FloorWatch, null, "floor-watch") with { IsFloor = true },
    ];

    public IReadOnlyList<Subject> Followers() => [Ours("ours: reflector and cache", null, "follow"), Node(Informer, "follow"), Ours(FloorFollow, null, "floor-follow")];

    public async Task<string> VersionsAsync(CancellationToken cancellation)
    {
        var node = (await Tools.RunAsync(peer.Node, ["--version"], null, cancellation)).Trim();
        var package = Path.Combine(Path.GetDirectoryName(peer.Script)!, "node_modules", "@kubernetes", "client-node", "package.json");
        var library = (string?)JsonNode.Parse(await File.ReadAllTextAsync(package, cancellation))!["version"];
        var version = JsonNode.Parse(await Tools.RunAsync(kubectl, ["version", "--kubeconfig", kubeconfig, "-o", "json"], null, cancellation))!;
        return $"client-node {library} on Node.js {node}, kubectl {version["clientVersion"]?["gitVersion"]}, API server {version["serverVersion"]?["gitVersion"]}, .NET {Environment.Version}";
    }

    private Subject Ours(string name, string? against, string mode) =>
        new(name, against, _own, ["--measure", mode, kubeconfig, ns, count.ToString(CultureInfo.InvariantCulture)]);

    private Subject Node(string name, string mode) =>
        new(name, null, peer.Node, ["--expose-gc", peer.Script, mode, kubeconfig, ns, count.ToString(CultureInfo.InvariantCulture)]);

    private Subject OfKubectl(string name, params string[] arguments) => new(name, PeerList, kubectl, ["--kubeconfig", kubeconfig, .. arguments])
    {
        ReportsItself = false,
        // kubectl keeps what it discovered there, for all runs of this benchmark.
        Environment = new() { ["HOME"] = home },
    };
}
