using Datum.Providers.Drivers.Proxmox.Api;
using Datum.Providers.Drivers.Proxmox.Auth;
using Datum.Providers.Drivers.Proxmox.Cluster;
using Datum.Providers.Drivers.Proxmox.Instances;
using Datum.Providers.Drivers.Proxmox.Kinds;

namespace Datum.Providers.Drivers.Proxmox;

/// <summary>One session with one cluster.</summary>
internal sealed class ProxmoxSession(ProxmoxContext context, PveSignIn signIn) : IInfrastructureDriver, IPowerControl, IImageCatalog
{
    private readonly InstanceKind _instances = new(context);

    public IResourceDriver<NetworkSpec, NetworkFacts>? Networks { get; } = new NetworkKind(context);

    public IResourceDriver<FirewallSpec, FirewallFacts>? Firewalls { get; } = new FirewallKind(context);

    public IResourceDriver<DiskSpec, DiskFacts>? Disks { get; } = new DiskKind(context);

    public IResourceDriver<InstanceSpec, InstanceFacts>? Instances => _instances;

    /// <summary>
    /// A cluster has no id of its own. Its name, the name of its first node and that node's address stand for one: names alone are often alike
    /// (<c>pve</c>), and two clusters with the same three can't be told apart by anything that the platform shows.
    /// </summary>
    public async ValueTask<Answer<AccountFacts>> ProbeAsync(Call call)
    {
        var status = await context.Api.ListAsync(call, "cluster/status");
        if (status.Value is not { } list)
            return status.Error!;
        var nodes = list.Items.Where(i => i.Text("type") == "node" && i.Text("name") is not null).OrderBy(i => i.Number("nodeid") ?? 0).ThenBy(i => i.Text("name"), StringComparer.Ordinal).ToList();
        if (nodes.Count == 0)
            return PveErrors.Refused(ErrorCode.Forbidden, "The cluster shows no nodes: the credentials lack Sys.Audit on /.") with { Scope = ErrorScope.Account };
        var name = list.Items.Where(i => i.Text("type") == "cluster").Select(i => i.Text("name")).FirstOrDefault() ?? nodes[0].Text("name")!;
        var expected = context.Connection.Location.ValueKind == System.Text.Json.JsonValueKind.Object ? JsonText.Find(context.Connection.Location, "cluster") : null;
        if (expected is not null && expected != name)
            return PveErrors.Refused(ErrorCode.Invalid, $"The endpoint leads to cluster '{name}', and the Location is of '{expected}'.") with { Scope = ErrorScope.Account, Field = "location.cluster" };
        if (await RightsAsync(call) is { } blind)
            return blind;
        var (on, error) = await context.Firewall.IsOnAsync(context.Api, call, fresh: true);
        if (error is not null)
            return error;
        var (version, failed, _) = await context.Api.GetAsync(call, "version");
        if (failed is not null)
            return failed;
        return new AccountFacts
        {
            AccountId = $"proxmox/{name}/{nodes[0].Text("name")}@{nodes[0].Text("ip")}",
            DisplayName = name,
            PlatformVersion = version.Text("version"),
            Limitations = on ? [] : [new Finding { Path = "firewall", Capability = "firewall", Message = "The data centre's firewall is off: no rule of any machine is enforced." }],
        };
    }

    public ValueTask<Outcome<InstanceFacts>> PowerAsync(Operation operation, Identity id, PowerAction action) => _instances.PowerAsync(operation, id, action);

    /// <summary>Templates, by number; those with tags by their tags too.</summary>
    public async ValueTask<Answer<CatalogPage<PlatformImage>>> ListImagesAsync(Call call, CatalogQuery query, string? cursor)
    {
        var list = await ClusterView.ReadAsync(context.Api, call);
        if (list.Value is not { } view)
            return list.Error!;
        var templates = view.Guests.Where(g => g is { Template: true, IsMachine: true });
        var images = templates.SelectMany(g => g.Tags.Select(t => (Key: $"tag:{t}", Item: Image("tag:" + t, g) with { Family = "tag:" + t }))).DistinctBy(i => i.Key)
            .Concat(templates.Select(g => (Key: Slices.Number(g.VmId), Item: Image(Slices.Number(g.VmId), g))))
            .Where(i => query.Search is not { Length: > 0 } search || i.Key.Contains(search, StringComparison.OrdinalIgnoreCase) || i.Item.Name?.Contains(search, StringComparison.OrdinalIgnoreCase) == true);
        return Slices.Catalog(images, query, cursor);
    }

    public ValueTask DisposeAsync()
    {
        context.Api.Dispose();
        context.SdnLock.Dispose();
        context.ImageLock.Dispose();
        signIn.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>The cluster's list leaves out, without a word, what the credentials may not see; absence is only concluded where they may see all.</summary>
    private async ValueTask<DriverError?> RightsAsync(Call call)
    {
        var (paths, error, _) = await context.Api.GetAsync(call, "access/permissions");
        if (error is not null)
            return error;
        bool Has(string path) => paths.Object(path)?.Flag("VM.Audit") == true;
        return Has("/") || Has("/vms") || (context.Settings.Pool is { } pool && Has("/pool/" + pool)) ? null
            : PveErrors.Refused(ErrorCode.Forbidden, $"The credentials lack VM.Audit on /vms{(context.Settings.Pool is { } p ? $" or /pool/{p}" : "")}: machines would be missing from lists without a word.") with { Scope = ErrorScope.Account };
    }

    private static PlatformImage Image(string id, Guest template) => new() { Id = id, Name = template.Name };
}
