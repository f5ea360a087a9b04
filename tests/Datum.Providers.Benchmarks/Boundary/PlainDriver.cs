using System.Collections.Immutable;

namespace Datum.Providers.Benchmarks.Boundary;

/// <summary>
/// A driver that does nothing and answers with the same objects each time, so that what is measured is what lies around it. With
/// <paramref name="later"/> it answers after one turn through the thread pool.
/// </summary>
internal sealed class PlainDriver(bool later) : IInfrastructureDriver, IResourceDriver<NetworkSpec, NetworkFacts>
{
    private static readonly Answer<Observation<NetworkFacts>> s_look = new Present<NetworkFacts>
    {
        Facts = new NetworkFacts(), Parts = [new Part { Name = "network", Id = "net-1" }], State = Lifecycle.Ready, Mark = MarkState.Ours, Incarnation = 1,
    };

    private static readonly Outcome<NetworkFacts> s_done = new Done<NetworkFacts> { Parts = [new Part { Name = "network", Id = "net-1" }] };
    private static readonly Answer<ListPage<NetworkFacts>> s_page = new ListPage<NetworkFacts> { Items = [], Complete = true };

    public IResourceDriver<NetworkSpec, NetworkFacts> Networks => this;

    public ValueTask<Answer<AccountFacts>> ProbeAsync(Call call) => ValueTask.FromResult<Answer<AccountFacts>>(new AccountFacts { AccountId = "plain" });

    public ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, NetworkSpec desired) => AnswerAsync(ImmutableArray<Finding>.Empty);

    public ValueTask<Answer<Observation<NetworkFacts>>> ObserveAsync(Call call, Identity id, NetworkSpec? desired, Handle? handle) => AnswerAsync(s_look);

    public ValueTask<Outcome<NetworkFacts>> CreateAsync(Operation operation, Identity id, NetworkSpec desired) => AnswerAsync(s_done);

    public ValueTask<Outcome<NetworkFacts>> UpdateAsync(Operation operation, Identity id, NetworkSpec desired) => AnswerAsync(s_done);

    public ValueTask<Outcome<NetworkFacts>> DeleteAsync(Operation operation, Identity id) => AnswerAsync(s_done);

    public ValueTask<Answer<ListPage<NetworkFacts>>> ListAsync(Call call, ListQuery query, string? cursor) => AnswerAsync(s_page);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private ValueTask<T> AnswerAsync<T>(T answer) => later ? LaterAsync(answer) : ValueTask.FromResult(answer);

    private static async ValueTask<T> LaterAsync<T>(T answer)
    {
        await Task.Yield();
        return answer;
    }
}
