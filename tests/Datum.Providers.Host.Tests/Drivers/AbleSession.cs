using System.Collections.Immutable;

namespace Datum.Providers.Host.Tests.Drivers;

/// <summary>Has every optional ability; each answers with <see cref="Answer"/>, which the test sets, and records its arguments.</summary>
internal sealed class AbleSession : IInfrastructureDriver, IPowerControl, IConsoleLog, IImageCatalog, IOfferings, IQuotas, IChangeFeed, IUsageReader
{
    private readonly AdoptableNetworks _networks;

    public AbleSession() => _networks = new AdoptableNetworks(this);

    /// <summary>The answer; a task for one that comes later, an exception to throw.</summary>
    public Func<object?> Answer { get; set; } = () => null;

    public object?[] Arguments { get; set; } = [];

    public bool HasAdoption { get; init; } = true;

    public IResourceDriver<NetworkSpec, NetworkFacts> Networks => HasAdoption ? _networks : new RecordingResource();

    public ValueTask<Answer<AccountFacts>> ProbeAsync(Call call) => ValueTask.FromResult<Answer<AccountFacts>>(new AccountFacts { AccountId = "able" });

    public ValueTask<Outcome<InstanceFacts>> PowerAsync(Operation operation, Identity id, PowerAction action) => AnswerAsync<Outcome<InstanceFacts>>(operation, id, action);

    public ValueTask<Answer<ConsoleText>> ReadConsoleAsync(Call call, Identity id, ConsoleQuery query) => AnswerAsync<Answer<ConsoleText>>(call, id, query);

    public ValueTask<Answer<CatalogPage<PlatformImage>>> ListImagesAsync(Call call, CatalogQuery query, string? cursor) => AnswerAsync<Answer<CatalogPage<PlatformImage>>>(call, query, cursor);

    public ValueTask<Answer<CatalogPage<Offering>>> ListOfferingsAsync(Call call, CatalogQuery query, string? cursor) => AnswerAsync<Answer<CatalogPage<Offering>>>(call, query, cursor);

    public ValueTask<Answer<QuotaReport>> ReadQuotasAsync(Call call) => AnswerAsync<Answer<QuotaReport>>(call);

    public ValueTask<Answer<UsagePage>> ListUsageAsync(Call call, ListQuery query, string? cursor) => AnswerAsync<Answer<UsagePage>>(call, query, cursor);

    public IAsyncEnumerable<Change> WatchAsync(Call call)
    {
        Arguments = [call];
        return new Feed(() => (Change)Answer()!).WatchAsync(call);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private ValueTask<T> AnswerAsync<T>(params object?[] arguments)
    {
        Arguments = arguments;
        return Answer() switch
        {
            Task<T> task => new(task),
            var answer => ValueTask.FromResult((T)answer!),
        };
    }

    private sealed class AdoptableNetworks(AbleSession session) : IResourceDriver<NetworkSpec, NetworkFacts>, IAdoption<NetworkFacts>
    {
        public ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, NetworkSpec desired) => throw new NotSupportedException();

        public ValueTask<Answer<Observation<NetworkFacts>>> ObserveAsync(Call call, Identity id, NetworkSpec? desired, Handle? handle) => throw new NotSupportedException();

        public ValueTask<Outcome<NetworkFacts>> CreateAsync(Operation operation, Identity id, NetworkSpec desired) => throw new NotSupportedException();

        public ValueTask<Outcome<NetworkFacts>> UpdateAsync(Operation operation, Identity id, NetworkSpec desired) => throw new NotSupportedException();

        public ValueTask<Outcome<NetworkFacts>> DeleteAsync(Operation operation, Identity id) => throw new NotSupportedException();

        public ValueTask<Answer<ListPage<NetworkFacts>>> ListAsync(Call call, ListQuery query, string? cursor) => throw new NotSupportedException();

        public ValueTask<Answer<Candidate<NetworkFacts>>> InspectAsync(Call call, Identity id, string providerId) => session.AnswerAsync<Answer<Candidate<NetworkFacts>>>(call, id, providerId);

        public ValueTask<Outcome<NetworkFacts>> AdoptAsync(Operation operation, Identity id, string providerId) => session.AnswerAsync<Outcome<NetworkFacts>>(operation, id, providerId);

        public ValueTask<Outcome<NetworkFacts>> ReleaseAsync(Operation operation, Identity id) => session.AnswerAsync<Outcome<NetworkFacts>>(operation, id);
    }
}
