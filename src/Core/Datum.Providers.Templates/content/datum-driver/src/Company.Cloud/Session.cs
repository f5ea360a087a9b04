namespace Company_Cloud;

/// <summary>One session with one account (DC-3). It keeps nothing but its connection: what must be known again comes back in each call.</summary>
internal sealed class Session(CloudClient client) : IInfrastructureDriver
{
    public IResourceDriver<NetworkSpec, NetworkFacts> Networks { get; } = new Networks(client.Networks);

    public IResourceDriver<InstanceSpec, InstanceFacts> Instances { get; } = new Instances(client.Servers);

    public async ValueTask<Answer<AccountFacts>> ProbeAsync(Call call)
    {
        var answer = await client.AccountAsync(call);
        // L15: the host compares the id with the one that it recorded, so an empty one must never pass for an account.
        return answer.Value switch
        {
            null => answer.Error!,
            { Id.Length: > 0 } account => new AccountFacts { AccountId = account.Id, DisplayName = account.Name },
            _ => new DriverError { Code = ErrorCode.Failed, Effect = Effect.NotApplied, Scope = ErrorScope.Account, Message = "The platform named no account." },
        };
    }

    public ValueTask DisposeAsync()
    {
        client.Dispose();
        return ValueTask.CompletedTask;
    }
}
