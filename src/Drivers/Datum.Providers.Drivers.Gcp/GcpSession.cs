using Datum.Providers.Drivers.Gcp.Api;
using Datum.Providers.Drivers.Gcp.Auth;
using Datum.Providers.Drivers.Gcp.Instances;
using Datum.Providers.Drivers.Gcp.Kinds;

namespace Datum.Providers.Drivers.Gcp;

/// <summary>One session with one project.</summary>
internal sealed partial class GcpSession(GcpContext context, GcpSignIn signIn) : IInfrastructureDriver
{
    private readonly InstanceKind _instances = new(context);

    private GcpApi Api => context.Api;

    public IResourceDriver<NetworkSpec, NetworkFacts>? Networks { get; } = new NetworkKind(context);

    public IResourceDriver<SubnetSpec, SubnetFacts>? Subnets { get; } = new SubnetKind(context);

    public IResourceDriver<FirewallSpec, FirewallFacts>? Firewalls { get; } = new FirewallKind(context);

    public IResourceDriver<AddressSpec, AddressFacts>? Addresses { get; } = new AddressKind(context);

    public IResourceDriver<DiskSpec, DiskFacts>? Disks { get; } = new DiskKind(context);

    public IResourceDriver<SecretSpec, SecretFacts>? Secrets { get; } = new SecretKind(context);

    public IResourceDriver<InstanceSpec, InstanceFacts>? Instances => _instances;

    /// <summary>The project's number is the account: an id can be given up and taken by another project.</summary>
    public async ValueTask<Answer<AccountFacts>> ProbeAsync(Call call)
    {
        var (project, error) = await ProjectAsync(call);
        if (error is not null)
            return error;
        ImmutableArray<Finding> limitations = context.Settings.InstanceServiceAccount is null
            ? [new Finding { Path = "settings.instanceServiceAccount", Capability = "secrets", Message = "Instances with secrets are refused: name a service account that they run as." }] : [];
        return new AccountFacts { AccountId = $"projects/{project!.Id}", DisplayName = project.Name, PlatformVersion = "compute/v1", Limitations = limitations };
    }

    public ValueTask DisposeAsync()
    {
        Api.Dispose();
        signIn.Dispose();
        return ValueTask.CompletedTask;
    }

    private async ValueTask<(GcpProject? Project, DriverError? Error)> ProjectAsync(Call call)
    {
        var (project, error) = await GcpApi.GetAsync(Api.Compute, call, RestRequest.AtRoot(Api.Compute.BaseAddress.AbsolutePath.TrimEnd('/')), GcpJson.Default.GcpProject);
        if (error is null && project?.Id is not { Length: > 0 })
            error = GcpErrors.Refused(ErrorCode.Forbidden, $"The project {Api.Project} isn't there, or the credentials may not see it.") with { Scope = ErrorScope.Account };
        return (project, error);
    }
}
