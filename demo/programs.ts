/** What the user's container runs: prints, writes a parameter and a tree on the base layer, ends. */
export const main = `
echo 'main: starting'
mkdir -p /tmp/report/figures
for i in 1 2 3 4 5; do
  echo "main: step $i of 5"
  echo "step $i" >> /tmp/report/steps.txt
  sleep 0.5
done
head -c 300000 /dev/urandom > /tmp/report/figures/noise.bin
printf '0.97\\n' > /tmp/accuracy
echo '{"accuracy": 0.97}'
exit 0
`;

/** A sidecar that nobody told how to stop. */
export const sidecar = `
trap '' TERM
echo 'sidecar: ready, and deaf to TERM'
while :; do sleep 0.2; done
`;

/** What the pod's third container runs: the whole job of a wait sidecar. */
export const spec = `
containers: [main]
sidecars: [sidecar]
gracePeriod: 2s
result: {container: main}
parameters:
  - {name: accuracy, container: main, path: /tmp/accuracy}
  - {name: missing, container: main, path: /tmp/no-such-file, default: "none"}
artifacts:
  - {name: report, container: main, path: /tmp/report, format: tgz, destination: /outputs/report.tgz}
logs:
  - {container: main, destination: /outputs/main.log}
output: /outputs/outputs.json
deadline: 2m
`;
