/** Milliseconds of processor time that this process has used. */
export const used = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
