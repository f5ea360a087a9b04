using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Conformance.Tests.Mutants;

/// <summary>The Simulator's factory with a fault in it.</summary>
internal sealed class MutantFactory(IDriverFactory clean, Mutant mutant) : IDriverFactory
{
    public DriverDescriptor Describe() => mutant.Describe is { } change ? change(clean.Describe()) : clean.Describe();

    public ValueTask<IInfrastructureDriver> ConnectAsync(IDriverHost host, Connection connection, CancellationToken cancellation) =>
        mutant.Connect is { } connect ? connect(host, () => OpenAsync(host, connection, cancellation)) : OpenAsync(host, connection, cancellation);

    private async ValueTask<IInfrastructureDriver> OpenAsync(IDriverHost host, Connection connection, CancellationToken cancellation)
    {
        var context = new MutantContext(host);
        var seed = mutant.Session?.Invoke(context) ?? new Seed();
        var driver = await clean.ConnectAsync(seed.Wire is { } wire ? new MutantHost(host, wire) : host, connection, cancellation);
        context.Driver = driver;
        var session = new MutantSession(driver, seed);
        return seed.WithoutAbilities ? session : new MutantSessionWithAbilities(driver, session, seed);
    }
}

/// <summary>The session's kinds with their seams.</summary>
internal sealed class MutantSession(IInfrastructureDriver clean, Seed seed) : IInfrastructureDriver
{
    public IResourceDriver<NetworkSpec, NetworkFacts>? Networks { get; } = new MutantVerbs<NetworkSpec, NetworkFacts>(clean.Networks!, seed.Networks);

    public IResourceDriver<SubnetSpec, SubnetFacts>? Subnets { get; } = new MutantVerbs<SubnetSpec, SubnetFacts>(clean.Subnets!, seed.Subnets);

    public IResourceDriver<FirewallSpec, FirewallFacts>? Firewalls => clean.Firewalls;

    public IResourceDriver<DiskSpec, DiskFacts>? Disks { get; } = new MutantVerbs<DiskSpec, DiskFacts>(clean.Disks!, seed.Disks);

    public IResourceDriver<SecretSpec, SecretFacts>? Secrets { get; } = seed.WithoutSecrets ? null : new MutantVerbs<SecretSpec, SecretFacts>(clean.Secrets!, seed.Secrets);

    public IResourceDriver<InstanceSpec, InstanceFacts>? Instances { get; } = new MutantVerbs<InstanceSpec, InstanceFacts>(clean.Instances!, seed.Instances);

    public ValueTask<Answer<AccountFacts>> ProbeAsync(Call call) => seed.Probe is { } probe ? probe(call) : clean.ProbeAsync(call);

    public ValueTask DisposeAsync() => seed.Dispose is { } dispose ? dispose() : clean.DisposeAsync();
}

/// <summary>The same with every ability of the Simulator.</summary>
internal sealed class MutantSessionWithAbilities(IInfrastructureDriver clean, MutantSession kinds, Seed seed)
    : IInfrastructureDriver, IPowerControl, IConsoleLog, IImageCatalog, IOfferings, IQuotas, IChangeFeed, IUsageReader
{
    public IResourceDriver<NetworkSpec, NetworkFacts>? Networks => kinds.Networks;

    public IResourceDriver<SubnetSpec, SubnetFacts>? Subnets => kinds.Subnets;

    public IResourceDriver<FirewallSpec, FirewallFacts>? Firewalls => kinds.Firewalls;

    public IResourceDriver<DiskSpec, DiskFacts>? Disks => kinds.Disks;

    public IResourceDriver<SecretSpec, SecretFacts>? Secrets => kinds.Secrets;

    public IResourceDriver<InstanceSpec, InstanceFacts>? Instances => kinds.Instances;

    public ValueTask<Answer<AccountFacts>> ProbeAsync(Call call) => kinds.ProbeAsync(call);

    public ValueTask DisposeAsync() => kinds.DisposeAsync();

    public ValueTask<Outcome<InstanceFacts>> PowerAsync(Operation operation, Identity id, PowerAction action) =>
        seed.Power is { } power ? power(operation, id, action) : ((IPowerControl)clean).PowerAsync(operation, id, action);

    public ValueTask<Answer<ConsoleText>> ReadConsoleAsync(Call call, Identity id, ConsoleQuery query) =>
        seed.Console is { } console ? console(call, id, query) : ((IConsoleLog)clean).ReadConsoleAsync(call, id, query);

    public ValueTask<Answer<CatalogPage<PlatformImage>>> ListImagesAsync(Call call, CatalogQuery query, string? cursor) =>
        seed.Images is { } images ? images(call, query, cursor) : ((IImageCatalog)clean).ListImagesAsync(call, query, cursor);

    public ValueTask<Answer<CatalogPage<Offering>>> ListOfferingsAsync(Call call, CatalogQuery query, string? cursor) => ((IOfferings)clean).ListOfferingsAsync(call, query, cursor);

    public ValueTask<Answer<QuotaReport>> ReadQuotasAsync(Call call) => seed.Quotas is { } quotas ? quotas(call) : ((IQuotas)clean).ReadQuotasAsync(call);

    public ValueTask<Answer<UsagePage>> ListUsageAsync(Call call, ListQuery query, string? cursor) =>
        seed.Usage is { } usage ? usage(call, query, cursor) : ((IUsageReader)clean).ListUsageAsync(call, query, cursor);

    public IAsyncEnumerable<Change> WatchAsync(Call call) => seed.Feed is { } feed ? feed(call) : ((IChangeFeed)clean).WatchAsync(call);
}

/// <summary>The verbs of one kind with their seams.</summary>
internal sealed class MutantVerbs<TSpec, TFacts>(IResourceDriver<TSpec, TFacts> clean, Seams<TSpec, TFacts> seams) : IResourceDriver<TSpec, TFacts>, IAdoption<TFacts>
    where TSpec : ResourceSpec
    where TFacts : ResourceFacts
{
    private IAdoption<TFacts> Adoption => (IAdoption<TFacts>)clean;

    public async ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, TSpec desired) =>
        seams.Findings(await (seams.Validate is { } validate ? validate(clean, call, desired) : clean.ValidateAsync(call, desired)), desired);

    public async ValueTask<Answer<Observation<TFacts>>> ObserveAsync(Call call, Identity id, TSpec? desired, Handle? handle)
    {
        id = seams.Id(id);
        var answer = await (seams.Observe is { } observe ? observe(clean, call, id, desired, handle) : clean.ObserveAsync(call, id, desired, handle));
        return answer.Value is { } seen ? seams.Seen(seen, id, desired) : answer;
    }

    public async ValueTask<Outcome<TFacts>> CreateAsync(Operation operation, Identity id, TSpec desired)
    {
        id = seams.Id(id);
        return seams.Made(await (seams.Create is { } create ? create(clean, operation, id, desired) : clean.CreateAsync(operation, id, desired)));
    }

    public ValueTask<Outcome<TFacts>> UpdateAsync(Operation operation, Identity id, TSpec desired) =>
        seams.Update is { } update ? update(clean, operation, seams.Id(id), desired) : clean.UpdateAsync(operation, seams.Id(id), desired);

    public ValueTask<Outcome<TFacts>> DeleteAsync(Operation operation, Identity id) =>
        seams.Delete is { } delete ? delete(clean, operation, seams.Id(id)) : clean.DeleteAsync(operation, seams.Id(id));

    public async ValueTask<Answer<ListPage<TFacts>>> ListAsync(Call call, ListQuery query, string? cursor)
    {
        var answer = await (seams.List is { } list ? list(clean, call, query, cursor) : clean.ListAsync(call, query, cursor));
        return answer.Value is { } page ? seams.Page(page) : answer;
    }

    public ValueTask<Answer<Candidate<TFacts>>> InspectAsync(Call call, Identity id, string providerId) => Adoption.InspectAsync(call, id, providerId);

    public ValueTask<Outcome<TFacts>> AdoptAsync(Operation operation, Identity id, string providerId) =>
        seams.Adopt is { } adopt ? adopt(Adoption, operation, id, providerId) : Adoption.AdoptAsync(operation, id, providerId);

    public ValueTask<Outcome<TFacts>> ReleaseAsync(Operation operation, Identity id) =>
        seams.Release is { } release ? release(Adoption, operation, id) : Adoption.ReleaseAsync(operation, id);
}

/// <summary>The host with another handler.</summary>
internal sealed class MutantHost(IDriverHost host, Func<HttpRequestMessage, Func<HttpRequestMessage, Task<HttpResponseMessage>>, Task<HttpResponseMessage>> wire) : IDriverHost
{
    public ILogger Logger => host.Logger;

    public Meter Meter => host.Meter;

    public TimeProvider Time => host.Time;

    public HttpMessageHandler HttpHandler { get; } = new WireHandler(host.HttpHandler, wire);

    public ValueTask<ReadOnlyMemory<byte>> ReadCredentialAsync(string key, CancellationToken cancellation) => host.ReadCredentialAsync(key, cancellation);

    private sealed class WireHandler(HttpMessageHandler inner, Func<HttpRequestMessage, Func<HttpRequestMessage, Task<HttpResponseMessage>>, Task<HttpResponseMessage>> wire) : DelegatingHandler(inner)
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            wire(request, r => base.SendAsync(r, cancellationToken));
    }
}
