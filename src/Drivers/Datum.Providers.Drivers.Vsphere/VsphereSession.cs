using Datum.Providers.Drivers.Vsphere.Instances;
using Datum.Providers.Drivers.Vsphere.Kinds;
using Datum.Providers.Drivers.Vsphere.Vim;

namespace Datum.Providers.Drivers.Vsphere;

/// <summary>One session with one vCenter.</summary>
internal sealed class VsphereSession(VsphereContext context) : IInfrastructureDriver
{
    private int _disposed;

    public IResourceDriver<NetworkSpec, NetworkFacts>? Networks { get; } = new NetworkKind(context);

    public IResourceDriver<DiskSpec, DiskFacts>? Disks { get; } = new DiskKind(context);

    public IResourceDriver<InstanceSpec, InstanceFacts>? Instances { get; } = new InstanceKind(context);

    /// <summary>The vCenter's own identifier: its address may be given to another.</summary>
    public async ValueTask<Answer<AccountFacts>> ProbeAsync(Call call)
    {
        var (content, error) = await context.Client.ContentAsync(call, fresh: true);
        if (error is not null)
            return error;
        if (content!.InstanceUuid is not { Length: > 0 } account)
            return VimErrors.Refused(ErrorCode.Unsupported, $"{content.Name ?? "The endpoint"} is no vCenter: it has no identifier of its own. A host that stands alone can't clone.") with { Scope = ErrorScope.Account };
        // The service content is everybody's; whether the credentials are accepted shows the session.
        var alive = await context.Client.CallAsync(call, "FindByInventoryPath", content.SearchIndex, w => w.Text("inventoryPath", "/"), mutates: false);
        if (alive.Error is not null)
            return alive.Error;
        return new AccountFacts { AccountId = $"vcenter/{account}", DisplayName = content.Name, PlatformVersion = content.Version, Limitations = Limitations(content) };
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        await context.Rest.DisposeAsync();
        await context.Client.DisposeAsync();
    }

    private ImmutableArray<Finding> Limitations(VimContent content)
    {
        var findings = ImmutableArray.CreateBuilder<Finding>();
        if (context.Settings.GuestBeacon != true && !context.Connection.AllowSecretsInUserData)
            findings.Add(new Finding { Path = "settings.guestBeacon", Capability = "secrets", Message = "Instances with secrets are refused: guests that don't report can't say when the medium with their secrets may be deleted." });
        if (content.Disks is null)
            findings.Add(new Finding { Path = "", Capability = "maxDataDisks", Message = "Data disks are refused: this vCenter has no first-class disks (6.5 or newer has)." });
        return findings.ToImmutable();
    }
}
